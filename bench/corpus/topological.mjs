// The names in an order in which every task comes after the tasks that it needs.
function order(tasks) {
  const missing = new Map();
  const users = new Map();
  for (const task of tasks) {
    missing.set(task.name, task.needs.length);
    for (const need of task.needs) {
      const list = users.get(need);
      if (list === undefined) users.set(need, [task.name]);
      else list.push(task.name);
    }
  }
  const ready = tasks.filter((task) => task.needs.length === 0).map((task) => task.name);
  for (let done = 0; done < ready.length; done++) {
    for (const user of users.get(ready[done]) ?? []) {
      const left = missing.get(user) - 1;
      missing.set(user, left);
      if (left === 0) ready.push(user);
    }
  }
  return ready.length === tasks.length ? ready : undefined;
}

export function main(n) {
  const tasks = Array.from({ length: n }, (_, i) => ({
    name: `task ${i}`,
    needs: i < 3 ? [] : [...new Set([`task ${Math.trunc(i / 2)}`, `task ${Math.trunc((i * 2) / 3)}`, `task ${i - 1 - (i % 3)}`])],
  }));
  const names = order(tasks);
  return names === undefined ? "there is a cycle" : `${names.length} ${names.at(-1) ?? ""}`;
}
