declare const scope: unique symbol;
declare const why: unique symbol;

export type Scalar = string | number | boolean;

/**
 * The body of one template, as a type. Every handle names the place where it may be used, so a handle that strays into
 * another template does not compile; `Name` is there for the reader of the error, `Scope` for templates of equal names.
 */
export interface In<Name extends string, out Scope> {
  readonly template: Name;
  readonly [scope]: Scope;
}

/** The place of a task made under `d.when(…)`: what holds here holds there, but not the other way round. */
export type UnderWhen<Here> = Here & { readonly "a value only for tasks of d.when(succeeded(…))": true };

/** The place of a task made by `d.each(…)`: here, and only here, `each.item` has a value. */
export type UnderEach<Here> = Here & { readonly "a value only for tasks of its d.each(…)": true };

/** The place of a hook's arguments: here, and only here, the task's own status can be asked for. */
export type InHook<Here> = Here & { readonly "a value only inside its hook": true };

/** In the type of a value that may be missing when it is asked for. `Remedy` is what the compiler prints. */
export interface Absent<Remedy extends string> {
  readonly [why]: Remedy;
}

export type Remedy =
  "its task may be skipped: give the output a default, or use succeeded(task).outputs under d.when(succeeded(task))";
