function isPalindrome(n) {
  const digits = String(n);
  let i = 0;
  let j = digits.length - 1;
  while (i < j) {
    if (digits[i] !== digits[j]) return false;
    i += 1;
    j -= 1;
  }
  return true;
}

const NUMERALS = [
  [1000, "M"],
  [900, "CM"],
  [500, "D"],
  [400, "CD"],
  [100, "C"],
  [90, "XC"],
  [50, "L"],
  [40, "XL"],
  [10, "X"],
  [9, "IX"],
  [5, "V"],
  [4, "IV"],
  [1, "I"],
];

function roman(number) {
  let rest = number;
  let text = "";
  for (const [value, letters] of NUMERALS) {
    while (rest >= value) {
      text += letters;
      rest -= value;
    }
  }
  return text;
}

export function main(n) {
  let total = 0;
  for (let i = 0; i < n; i++) if (isPalindrome(i)) total += roman(i % 4000).length;
  return total;
}
