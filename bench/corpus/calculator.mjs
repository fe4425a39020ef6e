class Parser {
  constructor(text) {
    this.text = text;
    this.at = 0;
  }

  sum() {
    let left = this.product();
    while (this.text[this.at] === "+" || this.text[this.at] === "-") {
      const op = this.text[this.at++];
      left = { op, a: left, b: this.product() };
    }
    return left;
  }

  product() {
    let left = this.atom();
    while (this.text[this.at] === "*") {
      this.at++;
      left = { op: "*", a: left, b: this.atom() };
    }
    return left;
  }

  atom() {
    if (this.text[this.at] === "(") {
      this.at++;
      const inside = this.sum();
      this.at++;
      return inside;
    }
    if (this.text[this.at] === "-") {
      this.at++;
      return { op: "neg", a: this.atom() };
    }
    let value = 0;
    while (this.text[this.at] >= "0" && this.text[this.at] <= "9") value = value * 10 + Number(this.text[this.at++]);
    return { op: "num", value };
  }
}

function evaluate(expr) {
  switch (expr.op) {
    case "num":
      return expr.value;
    case "+":
      return evaluate(expr.a) + evaluate(expr.b);
    case "-":
      return evaluate(expr.a) - evaluate(expr.b);
    case "*":
      return evaluate(expr.a) * evaluate(expr.b);
    default:
      return -evaluate(expr.a);
  }
}

export function main(n) {
  const line = "(12+3*(45-6))*-2+7*(8-(9+10)*11)-3*(4+5*(6-7))";
  let total = 0;
  for (let i = 0; i < n; i++) total += evaluate(new Parser(`${i}+${line}`).sum());
  return total;
}
