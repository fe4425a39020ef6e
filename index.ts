/** The public face of the package. Nothing inside imports it. The comments below are the sections of `docs/reference/api.md`. */

// Compile and check
export { check, compile, compileTests } from "./runtime/compile.ts";
export type { CheckResult, CompiledTest, CompileOptions } from "./compiler/compile.ts";
export type { Resolver } from "./compiler/load-units.ts";
export type { SourceFile } from "./compiler/source.ts";
export { CompileError, diagnosticToJson, type Diagnostic, type DiagnosticCode } from "./compiler/diagnostics.ts";
export type { DiagnosticJson, Edit, Fix, SourceOf } from "./compiler/diagnostics.ts";
export type { Span } from "./compiler/ast.ts";
export { renderDiagnostic } from "./compiler/render.ts";
export { openSources, type ProgramSources } from "./runtime/sources.ts";
export { decodeModule, encodeModule } from "./vm/bytecode/codec.ts";
export { disassemble } from "./vm/bytecode/disassembler.ts";
export type { Module } from "./vm/bytecode/module.ts";
export type { Program } from "./vm/bytecode/program.ts";
export { verifyModule } from "./vm/bytecode/verifier.ts";

// Run a program
export { execute, type Execution, type RecordOptions, type Runnable, type RunOptions } from "./runtime/execute.ts";
export { resume, type Resumption, type ResumeRunOptions } from "./runtime/resume.ts";
export { approve, type ApproveOptions, type DecidedCall, waitingCall } from "./runtime/approve.ts";
export type { CallAnswer, InDoubt, OpenCall } from "./replay/resumer.ts";
export type { ApprovalRequest, Approver, Decision, WaitingCall } from "./gateway/approval.ts";
export type { SuspendedCall } from "./gateway/call.ts";
export type { ActorFailure, RunError, RunResult } from "./gateway/run.ts";
export type { CallEnd, CallStart, FlowEnd, FlowStart, ObserverEvents, Observers } from "./gateway/observers.ts";
export { runTest, type TestAnswer, type TestCase, type TestOptions, type TestResult } from "./gateway/test-run.ts";
export type { CallCounters, TraceDetail, Tracing } from "./telemetry/tracing.ts";
export type { CallSpanEnd, CallSpanStart, CallTracing, FlowTracing, RunSpanEnd, RunSpanStart, RunTracing } from "./telemetry/tracing.ts";
export type { CallPlace, SourceLocation } from "./vm/bytecode/module.ts";
export type { EngineChoice } from "./vm/compiled/engine.ts";
export { BorunaError, type ErrorKind, type ErrorPlace } from "./vm/error.ts";
export { DEFAULT_LIMITS, type Limits } from "./vm/limits.ts";
export type { LimitWord, Outcome, TrapKind } from "./vm/outcome.ts";
export { VERSION } from "./vm/version.ts";

// Run many programs
export { createPool, type Pool, type PoolOptions, type PoolStats } from "./runtime/pool/pool.ts";
export type { PoolRunOptions } from "./runtime/pool/prepare.ts";
export type { PoolExecution, PoolRunError } from "./runtime/pool/pool-run.ts";
export type { Isolation } from "./runtime/pool/worker-link.ts";

// Run tasks
export { runTask, type Task, type TaskEnvelope, type TaskOptions, type TaskProgram, type TaskResult } from "./runtime/task.ts";
export { createRunnerTelemetry, type RunnerTelemetry, type RunnerTelemetryOptions } from "./telemetry/runner-telemetry.ts";
export type { SamplingPriority } from "./telemetry/task-span.ts";

// Submit runs to workers
export type { ApproveRunOptions, Client, ListOptions, ShownRun, SubmitOptions, SubmittedRun } from "./worker/api.ts";
export { createClient } from "./worker/create-client.ts";
export type { ListedRun, RunState, RunWorker } from "./worker/listed-run.ts";

// Simulate runs
export { simulate, type SimulateOptions, type Simulation, type SimulationFailure, type SimulationProgress } from "./simulate/simulate.ts";
export type { Fault } from "./simulate/faults.ts";
export type { SimulatedAnswer, SimulatedCall } from "./simulate/world.ts";

// Policies
export { loadPolicy } from "./policy/load.ts";
export { parsePolicy, type ParsePolicyOptions } from "./policy/parse.ts";
export { ALLOW_ALL, DENY_ALL, policyHash, withShorthands, type Shorthands } from "./policy/policy.ts";
export type { Policy, PolicyInput } from "./policy/policy-fields.ts";

// Handlers and capabilities
export { CapabilityDenied, CapabilityFailure, MachineHandler, machineHandler } from "./gateway/handlers.ts";
export type { FailureKind, Handler, HandlerContext, Handlers, Later, MachineFunction } from "./gateway/handlers.ts";
export { createRegistry, defineCapability } from "./gateway/own-capabilities.ts";
export type { CapabilitySpec, ParamSpec, PlainOf, TypedCapabilitySpec } from "./gateway/own-capabilities.ts";
export { openImportedTools, type ImportedTools, type ImportedToolsOptions } from "./mcp-tools/imported-tools.ts";
export { mayRepeat } from "./policy/may-repeat.ts";
export type { CapabilityDecl, CapabilityParam, CapabilityRegistry, CapabilitySignature, MayRepeat } from "./vm/capabilities.ts";
export type { PlainValue } from "./vm/json/js-interop.ts";

// Values
export { fromValue, toValue } from "./runtime/values.ts";
export { ListValue } from "./vm/value/list.ts";
export { MapValue } from "./vm/value/map.ts";
export { parseType, type Type } from "./vm/value/type.ts";
export { EnumValue, ErrValue, FloatValue, NONE, OkValue, RecordValue, SomeValue, UNIT, type Value } from "./vm/value/value.ts";

// Logs and replay
export type { EventSink } from "./gateway/run-events.ts";
export type { RunEnd } from "./replay/log/end-record.ts";
export { readLog, type ParsedLog } from "./replay/log/log-reader.ts";
export { openRecorder } from "./replay/log/file-recorder.ts";
export { memoryRecorder } from "./replay/log/recorder.ts";
export type { FinishedLog, MemoryRecorder, Recorder, RecorderOptions } from "./replay/log/recorder.ts";
export type { RunDescription } from "./replay/log/run-description.ts";
export { diffLogs, type DiffSummary, type EntryPosition, type LogDifference } from "./replay/diff.ts";
export { locatedEntries, locateEvent, logEntries } from "./replay/entries.ts";
export type { LocatedEntry, LocatedEvent, LocateOptions, LogEntry, LoggedAnswer, LoggedCall, LoggedEvent } from "./replay/entries.ts";
export { replayRun, type ReplayOptions, type ReplayReport, type ReplayStatus } from "./replay/replay.ts";
export { checkUpgrade, findLogs } from "./replay/upgrade.ts";
export type { CheckedRun, UpgradeOptions, UpgradeSummary, UpgradeVerdict } from "./replay/upgrade.ts";
export { whatIf, type WhatIfOptions, type WhatIfReport, type WhatIfStatus } from "./replay/what-if.ts";
export type { EditedAnswer, WhatIfStop } from "./replay/recorded-calls.ts";
export { verifyLog, type Verification, type VerifyOptions } from "./replay/verify.ts";
export { packEvidence, type PackedEvidence, type PackOptions } from "./replay/evidence/pack.ts";
export { verifyEvidence, type EvidenceVerification, type VerifyEvidenceOptions } from "./replay/evidence/verify-evidence.ts";
export type { RunEvent } from "./vm/events.ts";

// The machine alone, suspension
export type { MachineEnd } from "./vm/bytecode/program.ts";
export type { CallReply, CapabilityAnswer, CapabilityRequest, Host, HostStop, StopReason, SuspendingHost } from "./vm/host.ts";
export type { FlowHost, FlowSpan, FlowSpanEnd, FlowSpanStart } from "./vm/host.ts";
export { resumeMachine, startMachine, type MachineOptions, type ResumeOptions, type Suspended } from "./vm/scheduler/scheduler.ts";
