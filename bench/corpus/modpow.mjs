function power(base, exponent, modulus) {
  let result = 1n;
  let square = base % modulus;
  let rest = exponent;
  while (rest > 0) {
    if (rest % 2 === 1) result = (result * square) % modulus;
    square = (square * square) % modulus;
    rest = Math.trunc(rest / 2);
  }
  return result;
}

export function main(n) {
  let sum = 0n;
  for (let i = 1; i <= n; i++) sum = (sum + power(BigInt(i), 1000000005, 1000000007n)) % 1000000007n;
  return Number(sum);
}
