import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import {
  allOf,
  anyOf,
  boolean,
  container,
  DefinitionError,
  type DefinitionErrorCode,
  dag,
  failed,
  finished,
  fromFile,
  is,
  lint,
  number,
  remote,
  skipped,
  string,
  succeeded,
  text,
  thisRun,
  toYaml,
  volume,
  workflow,
  workflowTemplate,
} from "../../src/argo/index.ts";
import * as everything from "./everything.ts";
import { schemaErrors } from "./schemas.ts";

const image = "busybox:1.37";
const step = container("step", {}, (c) => c.run({ image, command: ["true"] }));
const make = container(
  "make",
  { outputs: { made: fromFile("/tmp/made"), sure: fromFile("/tmp/sure", string({ default: "none" })) } },
  (c) => c.run({ image, command: ["true"] }),
);
const take = container("take", { inputs: { what: string() } }, (c) =>
  c.run({ image, command: ["echo", c.inputs.what] }),
);

/** The tasks of a DAG, as Argo sees them. */
const tasksOf = (body: Parameters<typeof dag<"main", { flag: ReturnType<typeof boolean> }>>[2]) => {
  const main = dag("main", { inputs: { flag: boolean({ default: true }) } }, body as never);
  const { templates = [] } = workflowTemplate("bench", { entry: main }).object.spec;
  return new Map(templates[0]?.dag?.tasks.map((task) => [task.name, task]));
};

function errorOf(define: () => unknown): { readonly code: DefinitionErrorCode; readonly message: string } {
  try {
    define();
  } catch (error) {
    if (error instanceof DefinitionError) return { code: error.code, message: error.message };
    throw error;
  }
  throw new Error("nothing was thrown");
}

/** What JavaScript does with a value in a template literal that is not text`…`. */
const inserted = (value: { toString(): string }) => value.toString();

const manifests = Object.values(everything);
const hasArgo = (() => {
  try {
    execFileSync("argo", ["version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
})();

describe("every word of the language", () => {
  it.each(manifests.map((each) => [each.object.kind, each]))(
    "makes a %s that the cluster's schema takes",
    (_kind, each) => {
      expect(schemaErrors(each.object)).toEqual([]);
    },
  );

  it("makes what the lint takes, but for what it says of this workflow", () => {
    expect(lint(manifests).map(({ id, place }) => `${id} ${place.task ?? place.template}`)).toEqual([
      // By design: it runs when tasks failed of which it is not told.
      "retry-blocked otherwise",
      "retry-blocked otherwise",
      "retry-blocked none",
    ]);
  });

  it.skipIf(!hasArgo)("makes what `argo lint` takes", () => {
    const folder = mkdtempSync(join(tmpdir(), "argo-everything-"));
    writeFileSync(join(folder, "all.yaml"), toYaml(...manifests));
    expect(execFileSync("argo", ["lint", "--offline", "--no-color", folder], { encoding: "utf8" })).toContain(
      "no linting errors",
    );
    rmSync(folder, { recursive: true });
  });
});

describe("a task", () => {
  it("comes after the tasks whose outputs it is given, also inside text", () => {
    const tasks = tasksOf((d) => {
      const one = d.task("one", make);
      const two = d.task("two", make);
      d.task("both", take, { what: text`${one.outputs.made} and ${two.outputs.made}` });
    });
    expect(tasks.get("both")).toEqual({
      name: "both",
      template: "take",
      depends: "one && two",
      arguments: {
        parameters: [
          {
            name: "what",
            value: "{{tasks.one.outputs.parameters.made}} and {{tasks.two.outputs.parameters.made}}",
          },
        ],
      },
    });
  });

  it("names each dependency once, however often it is used", () => {
    const tasks = tasksOf((d) => {
      const one = d.task("one", make);
      d.task("two", take, { what: text`${one.outputs.made}${one.outputs.sure}` }, { after: [one, one] });
    });
    expect(tasks.get("two")?.depends).toBe("one");
  });

  it("under a value's condition is skipped, and what comes after it runs all the same", () => {
    const tasks = tasksOf((d) => {
      const maybe = d.when(is(d.inputs.flag, true)).task("maybe", make);
      d.task("next", take, { what: maybe.outputs.sure });
    });
    expect(tasks.get("maybe")?.when).toBe("'{{inputs.parameters.flag}}' == 'true'");
    expect(tasks.get("next")?.depends).toBe("maybe");
  });

  it("under an outcome's condition is omitted, and what comes after it runs all the same", () => {
    const tasks = tasksOf((d) => {
      const first = d.task("first", make);
      const rescue = d.when(failed(first)).task("rescue", make);
      d.task("next", take, { what: rescue.outputs.sure });
      d.task("last", step, {}, { after: finished(rescue) });
    });
    expect(tasks.get("rescue")?.depends).toBe("first.Failed || first.Errored");
    expect(tasks.get("next")?.depends).toBe("rescue.Succeeded || rescue.Skipped || rescue.Omitted");
    expect(tasks.get("last")?.depends).toBe(
      "rescue.Succeeded || rescue.Failed || rescue.Errored || rescue.Skipped || rescue.Omitted",
    );
  });

  it("puts several conditions into brackets where they need them", () => {
    const tasks = tasksOf((d) => {
      const a = d.task("a", make);
      const b = d.task("b", make);
      const c = d.when(is(d.inputs.flag, true)).task("c", make);
      d.when(anyOf(failed(a), skipped(c)), succeeded(b)).task("e", step);
      d.when(allOf(failed(a), failed(b))).task("f", step);
      d.when(succeeded(a)).task("g", take, { what: a.outputs.made });
    });
    expect(tasks.get("e")?.depends).toBe(
      "((a.Failed || a.Errored) || (c.Skipped || c.Omitted)) && b.Succeeded",
    );
    expect(tasks.get("f")?.depends).toBe("((a.Failed || a.Errored) && (b.Failed || b.Errored))");
    expect(tasks.get("g")?.depends).toBe("a.Succeeded");
  });

  it("quotes what a value is compared with", () => {
    const main = dag("main", { inputs: { what: string(), count: number() } }, (d) => {
      d.when(is(d.inputs.what, "it's"), is(d.inputs.count, 3)).task("a", step);
    });
    const [template] = workflowTemplate("bench", { entry: main }).object.spec.templates ?? [];
    expect(template?.dag?.tasks[0]?.when).toBe(
      "'{{inputs.parameters.what}}' == 'it\\'s' && {{inputs.parameters.count}} == 3",
    );
  });

  it("comes after what its hooks are given", () => {
    const tasks = tasksOf((d) => {
      const made = d.task("made", make);
      d.task(
        "a",
        step,
        {},
        { onExit: (ended) => ended.run(take, { what: text`${ended.status} ${made.outputs.made}` }) },
      );
    });
    expect(tasks.get("a")).toEqual({
      name: "a",
      template: "step",
      depends: "made",
      hooks: {
        exit: {
          template: "take",
          arguments: {
            parameters: [
              { name: "what", value: "{{tasks.a.status}} {{tasks.made.outputs.parameters.made}}" },
            ],
          },
        },
      },
    });
  });

  it("can be anything else by a patch", () => {
    const tasks = tasksOf((d) => void d.task("a", step, {}, { patch: { continueOn: { failed: true } } }));
    expect(tasks.get("a")).toEqual({ name: "a", template: "step", continueOn: { failed: true } });
  });
});

describe("a definition that cannot be built", () => {
  it.each<[DefinitionErrorCode, () => unknown]>([
    [
      "ARGO_DUPLICATE_TASK",
      () =>
        tasksOf((d) => {
          d.task("a", step);
          d.task("a", step);
        }),
    ],
    [
      "ARGO_DUPLICATE_TEMPLATE",
      () => {
        const other = container("step", {}, (c) => c.run({ image, command: ["false"] }));
        return tasksOf((d) => {
          d.task("a", step);
          d.task("b", other);
        });
      },
    ],
    [
      "ARGO_FOREIGN_HANDLE",
      () =>
        tasksOf(
          (d) =>
            void dag("inner", {}, (inner) => void inner.task("a", take, { what: d.inputs.flag as never })),
        ),
    ],
    [
      "ARGO_FOREIGN_HANDLE",
      () =>
        tasksOf((d) => {
          const [one, two] = [d.each(["a", "b"]), d.each(["c", "d"])];
          one.task("a", take, { what: two.item });
        }),
    ],
    [
      "ARGO_FOREIGN_HANDLE",
      () =>
        tasksOf((d) => {
          const outside = d.task("a", step);
          dag("inner", {}, (inner) => void inner.task("b", step, {}, { after: outside as never }));
        }),
    ],
    [
      "ARGO_FOREIGN_HANDLE",
      () =>
        tasksOf((d) => {
          const outside = d.task("a", step);
          dag("inner", {}, (inner) => void inner.when(failed(outside) as never).task("b", step));
        }),
    ],
    [
      "ARGO_DUPLICATE_VOLUME",
      () => {
        const [one, two] = [
          volume("data", { emptyDir: {} }),
          volume("data", { hostPath: { path: "/data" } }),
        ];
        return container("a", {}, (c) =>
          c.run({ image, command: ["x"], mounts: { "/one": one, "/two": two } }),
        );
      },
    ],
    ["ARGO_VALUE_AS_STRING", () => inserted(thisRun.name)],
    ["ARGO_VALUE_AS_STRING", () => inserted(text`run ${thisRun.name}`)],
    [
      "ARGO_CONTRADICTION",
      () =>
        tasksOf((d) => {
          const made = d.task("a", make);
          d.task("b", take, { what: made.outputs.made }, { after: finished(made) });
        }),
    ],
    [
      "ARGO_CONTRADICTION",
      () =>
        tasksOf((d) => {
          const made = d.task("a", make);
          d.task("b", take, { what: succeeded(made).outputs.made as never });
        }),
    ],
    [
      "ARGO_BAD_DURATION",
      () => container("a", {}, (c) => c.run({ image, command: ["x"], deadline: "0.5s" })),
    ],
    ["ARGO_BAD_DURATION", () => container("a", {}, (c) => c.run({ image, command: ["x"], deadline: "-1s" }))],
    ["ARGO_BODY_NOT_RUN", () => container("a", {}, () => ({ ran: true }))],
    ["ARGO_UNKNOWN_NAME", () => tasksOf((d) => void d.task("a", take, { what: "x", that: "y" } as never))],
    [
      "ARGO_UNKNOWN_NAME",
      () =>
        dag("a", { outputs: { made: string() } }, (d) => ({ maid: d.task("b", make).outputs.made }) as never),
    ],
  ])("says %s", (code, define) => {
    const error = errorOf(define);
    expect(error.code).toBe(code);
    expect(error.message).toMatch(/\.$/);
  });
});

describe("a workflow", () => {
  it("collects each template once, from the entry on", () => {
    const inner = dag("inner", {}, (d) => void d.task("a", step));
    const main = dag("main", {}, (d) => {
      d.task("a", inner);
      d.task("b", step, {}, { onExit: (ended) => ended.run(take, { what: ended.status }) });
    });
    const { object } = workflowTemplate("bench", { entry: main, onExit: make });
    expect(object.spec.templates?.map(({ name }) => name)).toEqual(["main", "inner", "step", "take", "make"]);
    expect(object.spec.entrypoint).toBe("main");
    expect(object.spec.onExit).toBe("make");
  });

  it("takes a template that a function made twice for the same", () => {
    const again = () => container("again", {}, (c) => c.run({ image, command: ["true"] }));
    const main = dag("main", {}, (d) => {
      d.task("a", again());
      d.task("b", again());
    });
    expect(workflow("once", { entry: main }).object.spec.templates).toHaveLength(2);
  });

  it("refers to templates that live elsewhere, and leaves them there", () => {
    const main = dag("main", {}, (d) => void d.task("a", remote(take, { in: "shared" }), { what: "x" }));
    const { spec } = workflow("once", { entry: main }).object;
    expect(spec.templates?.map(({ name }) => name)).toEqual(["main"]);
    expect(spec.templates?.[0]?.dag?.tasks[0]?.templateRef).toEqual({ name: "shared", template: "take" });
  });

  it("takes its arguments from the entry", () => {
    const entry = container("greet", { inputs: { whom: string(), times: number({ default: 3 }) } }, (c) =>
      c.run({ image, command: ["greet", c.inputs.whom, text`${c.inputs.times}`] }),
    );
    const template = workflowTemplate("greet", { entry });
    expect(template.object.spec.arguments).toEqual({
      parameters: [{ name: "whom" }, { name: "times", value: "3" }],
    });
    expect(workflow("greet-once", { of: template, arguments: { whom: "you" } }).object.spec).toEqual({
      workflowTemplateRef: { name: "greet" },
      arguments: { parameters: [{ name: "whom", value: "you" }] },
    });
  });
});

describe("a patch", () => {
  const patched = (patch: object) =>
    workflow("once", {
      entry: container("main", {}, (c) =>
        c.run({ image, command: ["a", "b"], env: { A: "1", B: "2" }, labels: { x: "y" }, patch }),
      ),
    }).object.spec.templates?.[0];

  it("merges objects", () => {
    expect(patched({ metadata: { labels: { z: "w" } } })?.metadata).toEqual({ labels: { x: "y", z: "w" } });
  });

  it("merges lists of named things by their names", () => {
    const env = patched({
      container: {
        env: [
          { name: "C", value: "3" },
          { name: "A", value: "9" },
        ],
      },
    })?.container?.env;
    expect(env).toEqual([
      { name: "A", value: "9" },
      { name: "B", value: "2" },
      { name: "C", value: "3" },
    ]);
  });

  it("replaces other lists", () => {
    expect(patched({ container: { command: ["c"] } })?.container?.command).toEqual(["c"]);
  });
});
