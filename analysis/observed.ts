/** Collects what the calls of recorded runs have in common. Logs may be long, so its memory has a limit. */
import { type CapabilityDecl, signatureFor, withDefaults } from "../vm/capabilities.ts";
import { FloatValue, isInt, NoneValue, SomeValue, type Value } from "../vm/value/value.ts";
import { MAX_TEXT_UNITS } from "../policy/where-fields.ts";
import { PARAMETER_FORMS, type Scalar } from "../policy/where.ts";

/** Limit on the values of a parameter that are collected one by one. With more, only their range or common prefix is kept. */
const MAX_VALUES = 20;
/** Limit on a text that is collected as a value, in UTF-16 code units. */
const MAX_VALUE_UNITS = 300;

/** The values that one parameter had. */
export class ObservedValues {
  readonly #values = new Set<Scalar>();
  /** Whether there are more values than `#values` can hold, or a long text. */
  #hasMany = false;
  /** Whether there was a value that no condition can describe, such as a list. */
  #hasOtherKind = false;
  #wasAbsent = false;
  /** What `typeof` returns for the values of `#values`, and for those that it could not hold. */
  #kinds = new Set<string>();
  /** The smallest and the largest of the numbers. */
  #min = Infinity;
  #max = -Infinity;
  /** The beginning that all texts share. Undefined before the first text. */
  #prefix: string | undefined;

  /** Adds a value. `argument` is undefined if the call does not have the parameter. */
  add(argument: Value | undefined): void {
    let value = argument;
    while (value instanceof SomeValue) value = value.value;
    if (value === undefined || value instanceof NoneValue) this.#wasAbsent = true;
    else if (typeof value === "string") this.#addText(value);
    else if (typeof value === "boolean") this.#addScalar(value);
    else if (value instanceof FloatValue || isInt(value)) this.#addNumber(value instanceof FloatValue ? value.value : Number(value));
    else this.#hasOtherKind = true;
  }

  #addText(text: string): void {
    this.#prefix = this.#prefix === undefined ? text : commonPrefix(this.#prefix, text);
    this.#addScalar(text);
  }

  #addNumber(number: number): void {
    if (!Number.isFinite(number) || (Number.isInteger(number) && !Number.isSafeInteger(number))) this.#hasOtherKind = true;
    else {
      this.#min = Math.min(this.#min, number);
      this.#max = Math.max(this.#max, number);
      this.#addScalar(number + 0);
    }
  }

  #addScalar(value: Scalar): void {
    this.#kinds.add(typeof value);
    if (this.#hasMany || this.#values.has(value)) return;
    const isLong = typeof value === "string" && value.length > MAX_VALUE_UNITS;
    if (this.#values.size === MAX_VALUES || isLong) this.#hasMany = true;
    else this.#values.add(value);
  }

  /** Returns the narrowest conditions that all values meet, in the form of a policy file. Undefined if there are none, or if they would restrict nothing. */
  conditions(): readonly Readonly<Record<string, unknown>>[] | undefined {
    if (this.#hasOtherKind || this.#kinds.size !== 1) return undefined;
    const present = this.#presentCondition();
    if (present === undefined) return undefined;
    return this.#wasAbsent ? [{ absent: true }, present] : [present];
  }

  /** Returns the narrowest condition that all values meet, apart from those that were absent. */
  #presentCondition(): Readonly<Record<string, unknown>> | undefined {
    if (!this.#hasMany) return { in: [...this.#values].sort(compareScalars) };
    if (this.#kinds.has("number")) return { min: this.#min, max: this.#max };
    const prefix = this.#prefix?.slice(0, MAX_TEXT_UNITS) ?? "";
    return prefix === "" ? undefined : { prefix };
  }
}

const compareScalars = (a: Scalar, b: Scalar): number =>
  typeof a === "number" && typeof b === "number" ? a - b : String(a) < String(b) ? -1 : 1;

function commonPrefix(a: string, b: string): string {
  let length = 0;
  while (length < a.length && length < b.length && a[length] === b[length]) length += 1;
  // A prefix may not end inside a surrogate pair.
  const last = a.charCodeAt(length - 1);
  return a.slice(0, last >= 0xd800 && last <= 0xdbff ? length - 1 : length);
}

/** A set of texts with a maximum size. */
export class ObservedTexts {
  readonly texts = new Set<string>();
  /** Whether more texts were added than the set keeps. */
  hasMany = false;

  add(text: string): void {
    if (this.texts.has(text)) return;
    if (this.texts.size === MAX_VALUES) this.hasMany = true;
    else this.texts.add(text);
  }
}

/** The calls of one capability. */
export class ObservedCapability {
  readonly capability: CapabilityDecl;
  calls = 0;
  /** The number of runs with calls. */
  runs = 0;
  /** The highest number of calls in one run. */
  mostInRun = 0;
  #callsInRun = 0;
  /** The values of each parameter, by its name. */
  readonly values = new Map<string, ObservedValues>();

  constructor(capability: CapabilityDecl) {
    this.capability = capability;
  }

  startRun(): void {
    this.#callsInRun = 0;
  }

  /** Adds a call. `args` are as recorded, without defaults. Returns the arguments by parameter, with defaults, in the form that policy conditions compare. */
  add(args: readonly Value[]): ReadonlyMap<string, Value> {
    const { capability } = this;
    this.calls += 1;
    if (this.#callsInRun === 0) this.runs += 1;
    this.#callsInRun += 1;
    this.mostInRun = Math.max(this.mostInRun, this.#callsInRun);
    const signature = capability.internal === true ? undefined : signatureFor(capability, args.length);
    if (signature === undefined) return new Map();
    const complete = withDefaults(signature, args);
    const forms = PARAMETER_FORMS.get(capability.name);
    const named = new Map(
      signature.params.flatMap(({ name }, i) => {
        const value = complete[i];
        return value === undefined ? [] : [[name, forms?.get(name)?.value(value) ?? value] as const];
      }),
    );
    for (const name of new Set(capability.signatures.flatMap(({ params }) => params.map((param) => param.name)))) {
      const values = this.values.get(name) ?? new ObservedValues();
      this.values.set(name, values);
      values.add(named.get(name));
    }
    return named;
  }
}
