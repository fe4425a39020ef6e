function run(program) {
  const stack = [];
  const vars = [0, 0];
  let pc = 0;
  for (;;) {
    const { op, arg } = program[pc++];
    switch (op) {
      case "push":
        stack.push(arg);
        break;
      case "load":
        stack.push(vars[arg]);
        break;
      case "store":
        vars[arg] = stack.pop();
        break;
      case "add": {
        const b = stack.pop();
        stack.push(stack.pop() + b);
        break;
      }
      case "sub": {
        const b = stack.pop();
        stack.push(stack.pop() - b);
        break;
      }
      case "mod": {
        const b = stack.pop();
        stack.push(stack.pop() % b);
        break;
      }
      case "jumpIfZero":
        if (stack.pop() === 0) pc = arg;
        break;
      case "jump":
        pc = arg;
        break;
      default:
        return vars[1];
    }
  }
}

// Adds i % 7 for all i from n down to 1.
export const main = (n) =>
  run([
    { op: "push", arg: n },
    { op: "store", arg: 0 },
    { op: "load", arg: 0 },
    { op: "jumpIfZero", arg: 14 },
    { op: "load", arg: 1 },
    { op: "load", arg: 0 },
    { op: "push", arg: 7 },
    { op: "mod" },
    { op: "add" },
    { op: "store", arg: 1 },
    { op: "load", arg: 0 },
    { op: "push", arg: 1 },
    { op: "sub" },
    { op: "jump", arg: 1 },
    { op: "stop" },
  ]);
