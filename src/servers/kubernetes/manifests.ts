import { LlmbenchError } from "../../error.ts";
import { labelValue } from "../kubernetes-names.ts";
import type { ContainerProbe, ContainerSpec, ServerSpec } from "../server.ts";
import { annotations, anyServer, labels, serverLabels, serverName } from "./names.ts";
import type { Container, Deployment, Pod, Service } from "./objects.ts";
import { toolCopier } from "./tool-copier.ts";
import { volumesOf } from "./volumes.ts";

export interface ManifestOptions {
  readonly namespace: string;
  /** The Workflow whose end, at the latest, is the server's too: same namespace. */
  readonly workflow?: { readonly name: string; readonly uid: string };
  /** Claim of the share with the models. */
  readonly models?: { readonly claim: string; readonly subPath?: string };
  /** More than one lets the scheduler put servers beside each other. */
  readonly serversPerNode: number;
  readonly deployedAtMs: number;
}

/** The only container of a server's pod. */
export const containerName = "server";

/** Seconds that a pod stays on a node that is lost; without them Kubernetes waits for five minutes. */
const lostNodeSeconds = 30;

/** What an image that runs as root takes for granted: to read and own any file of its own. Baseline allows them. */
const rootCapabilities = ["CHOWN", "DAC_OVERRIDE", "FOWNER"];

type PodSpec = NonNullable<Pod["spec"]>;

/** What one server is in a cluster. A pure function of what it is given. Throws SERVER_SPEC_INCOMPLETE. */
export function makeManifests(
  spec: ServerSpec,
  options: ManifestOptions,
): { deployment: Deployment; service: Service } {
  const container = containerOf(spec);
  const name = serverName(spec);
  const chosen = serverLabels(spec);
  const metadata = {
    name,
    namespace: options.namespace,
    labels: { ...chosen, [labels.pool]: labelValue(container.pool.name) },
    annotations: {
      [annotations.run]: spec.runId,
      [annotations.cell]: spec.cellId,
      [annotations.specHash]: spec.specHash,
    },
    ...(options.workflow === undefined ? {} : { ownerReferences: [ownerReference(options.workflow)] }),
  };
  const { ownerReferences: _, namespace: __, name: ___, ...template } = metadata;
  return {
    deployment: {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: {
        ...metadata,
        annotations: { ...metadata.annotations, [annotations.deployedAt]: `${options.deployedAtMs}` },
      },
      spec: {
        replicas: 1,
        revisionHistoryLimit: 0,
        // Only a condition of the Deployment, which nothing of ours waits for: longer than a turn and a start take.
        progressDeadlineSeconds: 86_400,
        // A GPU cannot be held twice: the old pod is gone before the new one is made.
        strategy: { type: "Recreate" },
        selector: { matchLabels: chosen },
        template: { metadata: template, spec: podSpec(spec, container, options) },
      },
    },
    service: {
      apiVersion: "v1",
      kind: "Service",
      metadata,
      spec: {
        type: "ClusterIP",
        selector: chosen,
        ports: [{ name: "http", port: container.port, targetPort: container.port, protocol: "TCP" }],
        // One pod stands behind it: taking that away when a loaded server is slow to say it is well only fails requests.
        publishNotReadyAddresses: true,
      },
    },
  };
}

/** Where a cell's server is asked, from inside the cluster. */
export function serverUrl(spec: ServerSpec, namespace: string): string {
  return `http://${serverName(spec)}.${namespace}.svc:${containerOf(spec).port}`;
}

export function containerOf({ container, cellId }: ServerSpec): ContainerSpec {
  if (container !== undefined) return container;
  throw new LlmbenchError("SERVER_SPEC_INCOMPLETE", `${cellId}: nothing says how it runs in a container.`, {
    hint: "This is a fault of llmbench itself: its engine made no container for a cell of kind kubernetes.",
  });
}

function podSpec(spec: ServerSpec, container: ContainerSpec, options: ManifestOptions): PodSpec {
  const { pool } = container;
  const volumes = volumesOf(container, options.models);
  const copier = toolCopier(container);
  return {
    enableServiceLinks: false,
    automountServiceAccountToken: false,
    terminationGracePeriodSeconds: Math.ceil(spec.stopTimeoutSeconds),
    securityContext: {
      runAsNonRoot: !container.root,
      ...(container.user === undefined
        ? {}
        : {
            runAsUser: container.user.uid,
            runAsGroup: container.user.gid,
            fsGroup: container.user.gid,
            fsGroupChangePolicy: "OnRootMismatch",
          }),
      seccompProfile: { type: "RuntimeDefault" },
    },
    ...(pool.runtimeClass === undefined ? {} : { runtimeClassName: pool.runtimeClass }),
    ...(container.imagePullSecrets.length === 0
      ? {}
      : { imagePullSecrets: container.imagePullSecrets.map((name) => ({ name })) }),
    nodeSelector: { ...pool.nodeSelector },
    tolerations: [
      ...pool.tolerations.map((toleration) => ({ ...toleration })),
      ...["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"].map((key) => ({
        key,
        operator: "Exists",
        effect: "NoExecute",
        tolerationSeconds: lostNodeSeconds,
      })),
    ],
    ...(options.serversPerNode > 1 ? {} : { affinity: aloneOnNode() }),
    ...(copier === undefined ? {} : { initContainers: [copier] }),
    containers: [
      {
        name: containerName,
        image: container.image,
        imagePullPolicy: container.pullPolicy,
        ...commandOf(container),
        ports: [{ name: "http", containerPort: container.port, protocol: "TCP" }],
        env: environmentOf(spec, container),
        resources: resourcesOf(container),
        volumeMounts: volumes.map(({ mount }) => mount),
        securityContext: {
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: container.readOnlyRoot,
          runAsNonRoot: !container.root,
          capabilities: { drop: ["ALL"], ...(container.root ? { add: rootCapabilities } : {}) },
        },
        ...probesOf(container),
        terminationMessagePolicy: "FallbackToLogsOnError",
      },
    ],
    volumes: volumes.map(({ volume }) => volume),
  };
}

/** No other benchmark server of any namespace on the node, whoever runs it. */
function aloneOnNode(): NonNullable<PodSpec["affinity"]> {
  return {
    podAntiAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: [
        {
          labelSelector: { matchLabels: { ...anyServer } },
          namespaceSelector: {},
          topologyKey: "kubernetes.io/hostname",
        },
      ],
    },
  };
}

function commandOf(container: ContainerSpec): Pick<Container, "command" | "args"> {
  const fill = (word: string) => fillAddress(word, container);
  return {
    ...(container.command === undefined ? {} : { command: container.command.map(fill) }),
    args: container.args.map(fill),
  };
}

/** Servers listen on every address of their pod. `$(NAME)` stays as it stands: Kubernetes would put a variable there. */
function fillAddress(word: string, { port }: ContainerSpec): string {
  return word
    .replaceAll("{port}", `${port}`)
    .replaceAll("{host}", "0.0.0.0")
    .replaceAll("$(", () => "$$(");
}

function environmentOf(spec: ServerSpec, container: ContainerSpec): NonNullable<Container["env"]> {
  const secret = container.secretEnv;
  const plain = Object.entries(spec.env).filter(([name]) => !(name in secret));
  return [
    ...plain.map(([name, value]) => ({ name, value: fillAddress(value, container) })),
    ...Object.entries(secret).map(([name, { name: secretName, key }]) => ({
      name,
      valueFrom: { secretKeyRef: { name: secretName, key } },
    })),
  ];
}

/** A limit of CPU would throttle a server in the midst of a load: it is asked for only. Memory and GPUs are both. */
function resourcesOf({ resources, pool }: ContainerSpec): NonNullable<Container["resources"]> {
  const limits = {
    ...(resources.memory === undefined ? {} : { memory: resources.memory }),
    ...(resources.gpus === 0 ? {} : { [pool.gpuResource]: `${resources.gpus}` }),
  };
  return {
    requests: { ...(resources.cpu === undefined ? {} : { cpu: resources.cpu }), ...limits },
    limits,
  };
}

function probesOf({
  probes,
  port,
}: ContainerSpec): Pick<Container, "startupProbe" | "readinessProbe" | "livenessProbe"> {
  const probe = ({ path, periodSeconds, timeoutSeconds, failureThreshold }: ContainerProbe) => ({
    httpGet: { path, port, scheme: "HTTP" },
    periodSeconds,
    timeoutSeconds,
    failureThreshold,
  });
  const { startup, readiness, liveness } = probes;
  return {
    startupProbe: probe(startup),
    readinessProbe: probe(readiness),
    ...(liveness === undefined ? {} : { livenessProbe: probe(liveness) }),
  };
}

function ownerReference({ name, uid }: { name: string; uid: string }) {
  return { apiVersion: "argoproj.io/v1alpha1", kind: "Workflow", name, uid };
}
