import { DefinitionError } from "./error.ts";
import type { Scalar } from "./place.ts";

declare const holds: unique symbol;
declare const usableIn: unique symbol;

/**
 * A value that exists only when the workflow runs: an input, an output, an item, a fact about the run. `T` is what it
 * holds; `Here` is the template in which it may be used. Pass it on as an argument, or put it into text`…`.
 */
export interface Value<out T, in Here = unknown> {
  /** Argo's own text for it, for `patch`. Text used that way makes no dependency; the lint checks it. */
  readonly argo: string;
  readonly [holds]: T;
  readonly [usableIn]: (place: Here) => void;
}

/** A file or folder that one task leaves for another. `Format` keeps a report from being read as a model. */
export interface Artifact<out Format, in Here = unknown> {
  readonly argo: string;
  readonly [holds]: { readonly artifact: Format };
  readonly [usableIn]: (place: Here) => void;
}

/** Text with run-time values in it; made by text`…`. */
export interface Text<in Here = unknown> {
  readonly text: "text";
  readonly [usableIn]: (place: Here) => void;
}

/** What may stand where Argo wants a string. */
export type TextLike<Here> = string | Text<Here> | Value<Scalar | readonly Scalar[], Here>;

/** Which outcome of a task a reference to it calls for; undefined for inputs and facts about the run. */
export interface Need {
  readonly task: string;
  readonly term: string;
  readonly strength: "settled" | "succeeded" | "finished" | "own";
}

export interface Facts {
  /** The body in which the handle was made; undefined when it may be used anywhere. */
  readonly owner?: Owner | undefined;
  /** The `each` or hook inside which alone it has a value. */
  readonly inside?: object | undefined;
  readonly need?: Need | undefined;
}

/** One run of one template's body. */
export interface Owner {
  readonly template: string;
}

export class Reference {
  readonly argo: string;
  readonly facts: Facts;

  constructor(argo: string, facts: Facts) {
    this.argo = argo;
    this.facts = facts;
  }

  toString(): string {
    throw new DefinitionError(
      "ARGO_VALUE_AS_STRING",
      `${this.argo} is known only when the workflow runs, so it cannot become a string here.`,
      "Write text`… ${value} …` instead of `… ${value} …`, or pass the value itself.",
    );
  }
}

export class TextNode {
  readonly parts: readonly (string | Reference)[];

  constructor(parts: readonly (string | Reference)[]) {
    this.parts = parts;
  }

  toString(): string {
    for (const part of this.parts) if (part instanceof Reference) return part.toString();
    return this.parts.join("");
  }
}

/** A value of the run, as the public type. The only place where the phantom types are put on. */
export const value = <T, Here>(argo: string, facts: Facts): Value<T, Here> =>
  new Reference(argo, facts) as unknown as Value<T, Here>;

export const artifactHandle = <Format, Here>(argo: string, facts: Facts): Artifact<Format, Here> =>
  new Reference(argo, facts) as unknown as Artifact<Format, Here>;

/**
 * Text with run-time values in it.
 *
 *     text`--rate=${c.inputs.rate}`     →     --rate={{inputs.parameters.rate}}
 */
export function text<Here = unknown>(
  literals: TemplateStringsArray,
  ...values: readonly (Scalar | Text<Here> | Value<Scalar | readonly Scalar[], Here>)[]
): Text<Here> {
  const parts = literals.flatMap((literal, index): (string | Reference)[] => {
    if (index >= values.length) return [literal];
    const inserted: unknown = values[index];
    if (inserted instanceof Reference) return [literal, inserted];
    if (inserted instanceof TextNode) return [literal, ...inserted.parts];
    return [literal, String(inserted)];
  });
  return new TextNode(parts) as unknown as Text<Here>;
}

/** Called for each reference that a text or argument holds: checks that it belongs here, notes what it needs. */
export type Use = (reference: Reference) => void;

/** The string that Argo reads. */
export function render(source: unknown, use: Use): string {
  if (source instanceof Reference) {
    use(source);
    return source.argo;
  }
  if (source instanceof TextNode) return source.parts.map((part) => render(part, use)).join("");
  return typeof source === "string" ? source : JSON.stringify(source);
}

/** Refuses a handle that another body made. The compiler refuses it too, wherever the types were kept. */
export function checkOwner(reference: Reference, owner: Owner): void {
  const other = reference.facts.owner;
  if (other === undefined || other === owner) return;
  throw new DefinitionError(
    "ARGO_FOREIGN_HANDLE",
    `${reference.argo} belongs to the template "${other.template}" and is used in "${owner.template}".`,
    `Give "${owner.template}" an input of its own and pass the value where the template is used.`,
  );
}
