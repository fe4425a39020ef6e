function make(n, seed) {
  const rows = [];
  for (let y = 0; y < n; y++) {
    const row = [];
    for (let x = 0; x < n; x++) row.push(((x * seed + y) % 10) / 2);
    rows.push(row);
  }
  return rows;
}

function multiply(a, b) {
  const n = a.length;
  const result = [];
  for (let y = 0; y < n; y++) {
    const row = [];
    for (let x = 0; x < n; x++) {
      let sum = 0;
      for (let k = 0; k < n; k++) sum += a[y][k] * b[k][x];
      row.push(sum);
    }
    result.push(row);
  }
  return result;
}

export function main(n) {
  const product = multiply(make(n, 3), make(n, 7));
  let trace = 0;
  for (let i = 0; i < n; i++) trace += product[i][i];
  return Math.round(trace);
}
