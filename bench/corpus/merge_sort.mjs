function merge(a, b) {
  const out = [];
  let i = 0;
  let j = 0;
  while (i < a.length && j < b.length) {
    if (a[i] <= b[j]) out.push(a[i++]);
    else out.push(b[j++]);
  }
  return out.concat(a.slice(i), b.slice(j));
}

function mergeSort(xs) {
  if (xs.length < 2) return xs;
  const middle = Math.trunc(xs.length / 2);
  return merge(mergeSort(xs.slice(0, middle)), mergeSort(xs.slice(middle)));
}

function binarySearch(xs, target) {
  let low = 0;
  let high = xs.length;
  while (low < high) {
    const middle = Math.trunc((low + high) / 2);
    if (xs[middle] < target) low = middle + 1;
    else high = middle;
  }
  return xs[low] === target ? low : undefined;
}

export function main(n) {
  const sorted = mergeSort(Array.from({ length: n }, (_, i) => (i * 7919) % 100003));
  let sum = 0;
  for (let i = 0; i < n; i++) sum += binarySearch(sorted, i) ?? 0;
  return sum;
}
