function isSafe(queens, column) {
  const row = queens.length;
  for (let i = 0; i < row; i++) {
    if (queens[i] === column || Math.abs(queens[i] - column) === row - i) return false;
  }
  return true;
}

function solutions(queens, size) {
  if (queens.length === size) return 1;
  let count = 0;
  for (let column = 0; column < size; column++) {
    if (isSafe(queens, column)) count += solutions([...queens, column], size);
  }
  return count;
}

export const main = (n) => solutions([], n);
