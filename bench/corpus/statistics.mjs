const mean = (xs) => xs.reduce((sum, x) => sum + x, 0) / xs.length;

function variance(xs) {
  const average = mean(xs);
  return mean(xs.map((x) => (x - average) ** 2));
}

function median(xs) {
  const sorted = xs.toSorted((a, b) => a - b);
  const middle = Math.trunc(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

// The slope of the line through the points (i, xs[i]).
function slope(xs) {
  const n = xs.length;
  let sumX = 0;
  let sumY = 0;
  let sumXY = 0;
  let sumXX = 0;
  xs.forEach((y, x) => {
    sumX += x;
    sumY += y;
    sumXY += x * y;
    sumXX += x * x;
  });
  return (n * sumXY - sumX * sumY) / (n * sumXX - sumX * sumX);
}

export function main(n) {
  const xs = Array.from({ length: n }, (_, i) => ((i * 7919) % 1009) / 10);
  return Math.round((mean(xs) + variance(xs) + median(xs) + slope(xs)) * 1000);
}
