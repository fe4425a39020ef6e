function primes(below) {
  const isPrime = Array.from({ length: below }, () => true);
  const found = [];
  for (let n = 2; n < below; n++) {
    if (!isPrime[n]) continue;
    found.push(n);
    for (let multiple = n * n; multiple < below; multiple += n) isPrime[multiple] = false;
  }
  return found;
}

export const main = (n) => primes(n).reduce((sum, prime) => sum + prime, 0);
