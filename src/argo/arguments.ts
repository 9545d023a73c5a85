import type { IArguments } from "@kubernetes-models/argo-workflows/argoproj.io/v1alpha1/Arguments";
import type { ArtifactDeclaration, Inputs, Parameter } from "./declare.ts";
import { DefinitionError } from "./error.ts";
import { type Artifact, render, type Text, type Use, type Value } from "./handle.ts";

/** What may be passed to an input: the value itself, or a handle that holds one. */
type Argument<Declared, Here> =
  Declared extends ArtifactDeclaration<infer Format>
    ? Artifact<Format, Here>
    : Declared extends Parameter<infer T>
      ? T | Value<T, Here> | (string extends T ? Text<Here> : never)
      : never;

type OptionalNames<I> = {
  [Name in keyof I]: I[Name] extends Parameter<unknown, true> ? Name : never;
}[keyof I];

/** The arguments of a template: inputs without a default must be given, others may be. */
export type Arguments<I, Here> = {
  readonly [Name in Exclude<keyof I, OptionalNames<I>>]: Argument<I[Name], Here>;
} & { readonly [Name in OptionalNames<I>]?: Argument<I[Name], Here> };

/** Arguments, and options after them; both may be left out where nothing must be given. */
export type Rest<I, Here, Options> = [Exclude<keyof I, OptionalNames<I>>] extends [never]
  ? [args?: Arguments<I, Here>, options?: Options]
  : [args: Arguments<I, Here>, options?: Options];

/** Arguments as Argo writes them, in the order in which the template declares its inputs. */
export function writeArguments(
  template: { readonly name: string; readonly inputs: Inputs },
  given: Readonly<Record<string, unknown>>,
  use: Use,
): IArguments | undefined {
  for (const name of Object.keys(given)) {
    if (name in template.inputs) continue;
    throw new DefinitionError(
      "ARGO_UNKNOWN_NAME",
      `The template "${template.name}" has no input "${name}".`,
      `Its inputs are: ${Object.keys(template.inputs).join(", ") || "none"}.`,
    );
  }
  const parameters: NonNullable<IArguments["parameters"]> = [];
  const artifacts: NonNullable<IArguments["artifacts"]> = [];
  for (const [name, declared] of Object.entries(template.inputs)) {
    const source = given[name];
    if (source === undefined) continue;
    if (declared.kind === "artifact") artifacts.push({ name, from: render(source, use) });
    else parameters.push({ name, value: render(source, use) });
  }
  if (parameters.length + artifacts.length === 0) return undefined;
  return {
    ...(parameters.length > 0 ? { parameters } : {}),
    ...(artifacts.length > 0 ? { artifacts } : {}),
  };
}
