function allowed(board, at, digit) {
  const row = Math.trunc(at / 9);
  const column = at % 9;
  const box = Math.trunc(row / 3) * 27 + Math.trunc(column / 3) * 3;
  for (let i = 0; i < 9; i++) {
    if (board[row * 9 + i] === digit || board[i * 9 + column] === digit) return false;
    if (board[box + Math.trunc(i / 3) * 9 + (i % 3)] === digit) return false;
  }
  return true;
}

function solve(board) {
  const at = board.indexOf(0);
  if (at < 0) return board;
  for (let digit = 1; digit <= 9; digit++) {
    if (!allowed(board, at, digit)) continue;
    const next = board.slice();
    next[at] = digit;
    const solved = solve(next);
    if (solved !== undefined) return solved;
  }
  return undefined;
}

export function main(n) {
  const puzzle = "530070000600195000098000060800060003400803001700020006060000280000419005000080079";
  const board = [...puzzle].map(Number);
  let answer = "";
  for (let i = 0; i < n; i++) answer = solve(board)?.join("") ?? "no solution";
  return answer;
}
