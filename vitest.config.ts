import { defineConfig } from "vitest/config";

/** The tests that run the built command: `test/repo/build.ts` brings dist/ up to date before them, and only before them. */
const COMMAND = [
  "test/cli/*.test.ts",
  "test/mcp/{stdio,http,spans,agent}.test.ts",
  "test/repo/{least-policy-guide,logs-guide,package,policies,readme,resume-guide,approval-guide,task-runner,pool-guide,tenant-pool,order-worker,deployment}.test.ts",
  "test/runtime/pool*.test.ts",
  "test/playground/page.test.ts",
  "test/viewer/page.test.ts",
  "test/vm/hostile/memory.test.ts",
  "test/worker/{crash,lost-runs}.test.ts",
];

export default defineConfig({
  test: {
    environment: "node",
    maxWorkers: 3,
    // Long, so that only a test that hangs fails: no test may fail because the machine is busy.
    testTimeout: 1_800_000,
    hookTimeout: 600_000,
    setupFiles: ["test/setup.ts"],
    // Modules are stripped of their types once for all projects, and again only when they change.
    experimental: { fsModuleCache: true, fsModuleCachePath: "node_modules/.cache/vitest" },
    // The caller's telemetry settings and colours must not reach a test.
    env: {
      NO_COLOR: "1",
      OTEL_EXPORTER_OTLP_ENDPOINT: "",
      OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "",
      TRACEPARENT: "",
      BORUNA_TELEMETRY_DISABLED: "1",
    },
    // The files of a project share one import of the modules, which saves a third of their time. So a module under `test/` with
    // state of its own registers what to clean up with `afterFile`, not with a hook.
    projects: [
      { extends: true, test: { name: "library", include: ["test/**/*.test.ts"], exclude: COMMAND, isolate: false } },
      { extends: true, test: { name: "command", include: COMMAND, isolate: false, globalSetup: ["test/repo/build.ts"] } },
    ],
  },
});
