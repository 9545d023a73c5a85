import type { ITemplate } from "@kubernetes-models/argo-workflows/argoproj.io/v1alpha1/Template";
import type { IContainer } from "kubernetes-models/v1/Container";
import { parse } from "yaml";
import type { Rule } from "./finding.ts";
import { isPod } from "./view.ts";

/** The containers of a template, with the field in which each stands. */
function containers(
  template: ITemplate,
): readonly { readonly field: string; readonly container: IContainer }[] {
  const named = (field: string, list: readonly IContainer[] | undefined) =>
    (list ?? []).map((container) => ({ field: `${field}.${container.name}`, container }));
  return [
    ...(template.container === undefined ? [] : [{ field: "container", container: template.container }]),
    ...(template.script === undefined ? [] : [{ field: "script", container: template.script as IContainer }]),
    ...named("initContainers", template.initContainers),
    ...named("sidecars", template.sidecars),
  ];
}

const unitBytes: Readonly<Record<string, number>> = {
  "": 1,
  m: 1e-3,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
};

/** A Kubernetes quantity as a number; undefined where it is none. */
function amount(quantity: string | number | undefined): number | undefined {
  const match = /^([\d.]+(?:e\d+)?)(|[mkMGTP]|[KMGTP]i)$/.exec(String(quantity ?? ""));
  return match === null ? undefined : Number(match[1]) * (unitBytes[match[2] ?? ""] ?? Number.NaN);
}

const twice = (list: readonly string[]): readonly string[] => [
  ...new Set(list.filter((each, index) => list.indexOf(each) !== index)),
];

export const podRules: readonly Rule[] = [
  {
    id: "no-command",
    severity: "warning",
    about:
      "A container does not say what it runs: the controller then asks the image's registry, which it may not reach.",
    remedy: "Give it a command.",
    check(view, report) {
      for (const { name, template } of view.templates.values()) {
        for (const { field, container } of containers(template)) {
          if (field.startsWith("sidecars") || field.startsWith("initContainers")) continue;
          if ((container.command ?? []).length === 0)
            report({ template: name, field: `${field}.command` }, "There is no command.");
        }
      }
    },
  },
  {
    id: "unknown-volume",
    severity: "error",
    about: "A volume is mounted that neither the template nor the workflow has.",
    remedy: "Mount a volume(…): the template then brings it along.",
    check(view, report) {
      const { volumes, volumeClaimTemplates } = view.spec;
      const shared = [
        ...(volumes ?? []).map(({ name }) => name),
        ...(volumeClaimTemplates ?? []).map(({ metadata }) => metadata?.name),
      ];
      for (const { name, template } of view.templates.values()) {
        const known = [...shared, ...(template.volumes ?? []).map((each) => each.name)];
        for (const { field, container } of containers(template)) {
          for (const mount of container.volumeMounts ?? []) {
            if (known.includes(mount.name)) continue;
            report(
              { template: name, field: `${field}.volumeMounts.${mount.name}` },
              `There is no volume "${mount.name}".`,
            );
          }
        }
      }
    },
  },
  {
    id: "mount-clash",
    severity: "error",
    about:
      "Two volumes, or a volume and an input artifact, lie at one path. `argo lint` looks at containers, not at scripts and sidecars.",
    remedy: "Give each a path of its own.",
    check(view, report) {
      for (const { name, template } of view.templates.values()) {
        const artifacts = (template.inputs?.artifacts ?? []).flatMap(({ path }) =>
          path === undefined ? [] : [path],
        );
        for (const { field, container } of containers(template)) {
          const mounts = (container.volumeMounts ?? []).map(({ mountPath }) =>
            mountPath.replace(/(.)\/+$/, "$1"),
          );
          const main = field === "container" || field === "script";
          for (const path of twice([...mounts, ...(main ? artifacts : [])])) {
            report({ template: name, field: `${field}.volumeMounts` }, `Two things are mounted at ${path}.`);
          }
        }
      }
    },
  },
  {
    id: "requests-over-limits",
    severity: "error",
    about: "A container asks for more than it may use; Kubernetes refuses the pod.",
    remedy: "Raise the limit or lower the request.",
    check(view, report) {
      for (const { name, template } of view.templates.values()) {
        for (const { field, container } of containers(template)) {
          const { requests = {}, limits = {} } = container.resources ?? {};
          for (const [resource, wanted] of Object.entries(requests)) {
            const [least, most] = [amount(wanted), amount(limits[resource])];
            if (least === undefined || most === undefined || least <= most) continue;
            report(
              { template: name, field: `${field}.resources.requests.${resource}` },
              `${wanted} is more than the limit ${limits[resource]}.`,
            );
          }
        }
      }
    },
  },
  {
    id: "extended-resource-without-limit",
    severity: "error",
    about:
      "A GPU, or another extended resource, is requested and not limited to the same amount; Kubernetes refuses the pod.",
    remedy: "Write it under limits; the request follows from it.",
    check(view, report) {
      for (const { name, template } of view.templates.values()) {
        for (const { field, container } of containers(template)) {
          const { requests = {}, limits = {} } = container.resources ?? {};
          for (const [resource, wanted] of Object.entries(requests)) {
            if (!resource.includes("/") || amount(limits[resource]) === amount(wanted)) continue;
            report(
              { template: name, field: `${field}.resources.limits.${resource}` },
              `${resource} is requested and not limited to the same amount.`,
            );
          }
        }
      }
    },
  },
  {
    id: "duplicate-env",
    severity: "error",
    about: "An environment variable is set twice.",
    remedy: "Set it once.",
    check(view, report) {
      for (const { name, template } of view.templates.values()) {
        for (const { field, container } of containers(template)) {
          for (const variable of twice((container.env ?? []).map((each) => each.name))) {
            report({ template: name, field: `${field}.env.${variable}` }, `"${variable}" is set twice.`);
          }
        }
      }
    },
  },
  {
    id: "wrong-kind-of-template",
    severity: "error",
    about:
      "A field is set that this kind of template does not know: deadlines and timeouts belong to pods, parallelism to DAGs; and a template does one thing.",
    remedy: "Take it out, or move it to the template that it is for.",
    check(view, report) {
      for (const { name, template } of view.templates.values()) {
        const fields = isPod(template)
          ? (["parallelism"] as const)
          : (["activeDeadlineSeconds", "timeout"] as const);
        for (const field of template.suspend === undefined ? fields : []) {
          if (template[field] !== undefined)
            report({ template: name, field }, `"${name}" cannot have ${field}.`);
        }
        const kinds = [
          "container",
          "containerSet",
          "script",
          "resource",
          "dag",
          "steps",
          "suspend",
          "data",
          "http",
          "plugin",
        ] as const;
        const set = kinds.filter((kind) => template[kind] !== undefined);
        if (set.length !== 1) report({ template: name }, `"${name}" is ${set.join(" and ") || "nothing"}.`);
      }
    },
  },
  {
    id: "bad-pod-patch",
    severity: "error",
    about: "A podSpecPatch cannot be read as JSON or YAML.",
    remedy: "Give it as an object.",
    check(view, report) {
      const look = (patch: string | undefined, place: { template?: string; field: string }) => {
        if (patch === undefined || patch.includes("{{")) return;
        try {
          if (typeof parse(patch) === "object") return;
        } catch {
          // Reported below.
        }
        report(place, "The podSpecPatch is no object.");
      };
      look(view.spec.podSpecPatch, { field: "spec.podSpecPatch" });
      for (const { name, template } of view.templates.values())
        look(template.podSpecPatch, { template: name, field: "podSpecPatch" });
    },
  },
  {
    id: "no-token-for-executor",
    severity: "error",
    about:
      "The service account's token is not mounted, and Argo's own container has no other account: it cannot report how the pod ended.",
    remedy: "Leave the token mounted, or patch in executor.serviceAccountName.",
    check(view, report) {
      const { automountServiceAccountToken, executor } = view.spec;
      if (automountServiceAccountToken === false && executor?.serviceAccountName === undefined) {
        report({ field: "spec.automountServiceAccountToken" }, "No pod of the workflow has a token.");
      }
      for (const { name, template } of view.templates.values()) {
        if (template.automountServiceAccountToken !== false) continue;
        if ((template.executor ?? executor)?.serviceAccountName !== undefined) continue;
        report(
          { template: name, field: "automountServiceAccountToken" },
          `The pods of "${name}" have no token.`,
        );
      }
    },
  },
];
