const element = (i, j) => 1 / (Math.trunc(((i + j) * (i + j + 1)) / 2) + i + 1);

function times(v) {
  const out = [];
  for (let i = 0; i < v.length; i++) {
    let sum = 0;
    for (let j = 0; j < v.length; j++) sum += element(i, j) * v[j];
    out.push(sum);
  }
  return out;
}

function timesTransposed(v) {
  const out = [];
  for (let i = 0; i < v.length; i++) {
    let sum = 0;
    for (let j = 0; j < v.length; j++) sum += element(j, i) * v[j];
    out.push(sum);
  }
  return out;
}

function dot(a, b) {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}

export function main(n) {
  let u = Array.from({ length: n }, () => 1);
  let v = u;
  for (let i = 0; i < 5; i++) {
    v = timesTransposed(times(u));
    u = timesTransposed(times(v));
  }
  return Math.round(Math.sqrt(dot(u, v) / dot(v, v)) * 1000000000);
}
