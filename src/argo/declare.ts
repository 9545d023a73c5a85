import type { Artifact, Value } from "./handle.ts";
import type { Absent, Remedy, Scalar } from "./place.ts";

/** What a parameter is for; the Argo UI shows it beside the field. */
interface Described {
  readonly description?: string;
}

/** A parameter of a template. `Optional` says whether it has a default. */
export interface Parameter<out T, out Optional extends boolean = boolean> {
  readonly kind: "parameter";
  readonly optional: Optional;
  readonly default?: T | undefined;
  readonly choices?: readonly Scalar[] | undefined;
  readonly description?: string | undefined;
}

interface Declare<T> {
  (options: Described & { readonly default: T }): Parameter<T, true>;
  (options?: Described): Parameter<T, false>;
}

interface ParameterOptions<T> extends Described {
  readonly default?: T;
}

function parameter<T>(options: ParameterOptions<T> = {}, choices?: readonly Scalar[]): Parameter<T> {
  return Object.freeze({
    kind: "parameter" as const,
    optional: options.default !== undefined,
    default: options.default,
    choices,
    description: options.description,
  });
}

export const string = ((options) => parameter(options)) as Declare<string>;
export const number = ((options) => parameter(options)) as Declare<number>;
export const boolean = ((options) => parameter(options)) as Declare<boolean>;

/** One of the values listed. The Argo UI offers them as a menu; another value does not compile. */
export function oneOf<const T extends Scalar>(
  choices: readonly T[],
  options: Described & { readonly default: NoInfer<T> },
): Parameter<T, true>;
export function oneOf<const T extends Scalar>(
  choices: readonly T[],
  options?: Described,
): Parameter<T, false>;
export function oneOf<const T extends Scalar>(
  choices: readonly T[],
  options: ParameterOptions<T> = {},
): Parameter<T> {
  return parameter<T>(options, choices);
}

/** A JSON list. Elements that Argo gathers from several tasks arrive as strings, numbers too. */
export function listOf<T>(
  element: Parameter<T>,
  options: Described & { readonly default: readonly NoInfer<T>[] },
): Parameter<readonly T[], true>;
export function listOf<T>(element: Parameter<T>, options?: Described): Parameter<readonly T[], false>;
export function listOf<T>(
  _element: Parameter<T>,
  options: ParameterOptions<readonly T[]> = {},
): Parameter<readonly T[]> {
  return parameter<readonly T[]>(options);
}

/** An artifact; `path` is where a pod finds or leaves it. A DAG only hands artifacts on and has no path. */
export interface ArtifactDeclaration<out Format extends string> {
  readonly kind: "artifact";
  readonly format: Format;
  readonly path: string | undefined;
  /** How it is kept; as a tar file unless said. The Argo UI shows only what is kept as it is. */
  readonly archive: "none" | "zip" | undefined;
}

export const artifact = <const Format extends string>(
  format: Format,
  path?: string,
  options: { readonly archive?: "none" | "zip" } = {},
): ArtifactDeclaration<Format> => Object.freeze({ kind: "artifact", format, path, archive: options.archive });

/** An output that a pod leaves in a file. With a default, a task that was skipped still has it. */
export interface FileOutput<out T, out Optional extends boolean = boolean> {
  readonly kind: "file";
  readonly path: string;
  readonly of: Parameter<T, Optional>;
}

export function fromFile(path: string): FileOutput<string, false>;
export function fromFile<T, Optional extends boolean>(
  path: string,
  of: Parameter<T, Optional>,
): FileOutput<T, Optional>;
export function fromFile(path: string, of: Parameter<unknown> = string()): FileOutput<unknown> {
  return Object.freeze({ kind: "file", path, of });
}

/** What the pod prints, as an output (at most 256 kB, the end of it). */
interface StdoutOutput {
  readonly kind: "stdout";
}

export const stdout = (): StdoutOutput => Object.freeze({ kind: "stdout" });

/** An output that a person gives when a suspended workflow goes on. */
interface SuppliedOutput<out T, out Optional extends boolean = boolean> {
  readonly kind: "supplied";
  readonly of: Parameter<T, Optional>;
}

export const supplied = <T, Optional extends boolean>(
  of: Parameter<T, Optional>,
): SuppliedOutput<T, Optional> => Object.freeze({ kind: "supplied", of });

export type Inputs = Readonly<Record<string, Parameter<unknown> | ArtifactDeclaration<string>>>;
export type PodOutputs = Readonly<
  Record<string, FileOutput<unknown> | StdoutOutput | ArtifactDeclaration<string>>
>;
export type DagOutputs = Inputs;
export type SuspendOutputs = Readonly<Record<string, SuppliedOutput<unknown>>>;
export type Outputs = Readonly<
  Record<
    string,
    | Parameter<unknown>
    | FileOutput<unknown>
    | StdoutOutput
    | SuppliedOutput<unknown>
    | ArtifactDeclaration<string>
  >
>;
/** No inputs, or no outputs. */
// oxlint-disable-next-line typescript/no-empty-object-type -- a record without keys, which no other type is
export type None = {};

type HeldBy<D> =
  D extends Parameter<infer T>
    ? T
    : D extends { readonly of: Parameter<infer T> }
      ? T
      : D extends StdoutOutput
        ? string
        : never;

type HasDefault<D> = D extends Parameter<unknown, true> | { readonly of: Parameter<unknown, true> }
  ? true
  : false;

/** The handles of declared inputs, or of the outputs of a task that surely ran when they are asked for. */
export type Handles<Declared, Here> = {
  readonly [Name in keyof Declared]: Declared[Name] extends ArtifactDeclaration<infer Format>
    ? Artifact<Format, Here>
    : Value<HeldBy<Declared[Name]>, Here>;
};

/** The outputs of a task that may have been skipped: what has no default may be absent. */
export type UnsureHandles<Declared, Here> = {
  readonly [Name in keyof Declared]: Declared[Name] extends ArtifactDeclaration<infer Format>
    ? Artifact<Format | Absent<Remedy>, Here>
    : HasDefault<Declared[Name]> extends true
      ? Value<HeldBy<Declared[Name]>, Here>
      : Value<HeldBy<Declared[Name]> | Absent<Remedy>, Here>;
};

/** The outputs of a task that ran once for each item: lists. Artifacts of several tasks cannot be gathered. */
export type GatheredHandles<Declared, Here, Missing = never> = {
  readonly [Name in keyof Declared as Declared[Name] extends ArtifactDeclaration<string>
    ? never
    : Name]: Value<readonly HeldBy<Declared[Name]>[] | Missing, Here>;
};
