import { isLabelKey, isLabelValue } from "../servers/kubernetes-names.ts";
import type { ClusterConfig, ShareConfig, TolerationConfig } from "./cluster-schema.ts";
import { cronProblem } from "./cron.ts";
import { didYouMean } from "./explain-issues.ts";
import { type Finding, onKey, onValue, type Path } from "./finding.ts";
import { nearest } from "./nearest.ts";
import type { NsysConfig } from "./profiling-schema.ts";
import { splitNfs } from "./resolve-cluster.ts";
import type { Config } from "./schema.ts";

/** What spans several keys of `cluster`, `profiling` and `schedule`. */
export function checkCluster(config: Config): Finding[] {
  const { cluster } = config;
  return [...(cluster ? checkSection(cluster) : []), ...checkProfiling(config), ...checkSchedule(config)];
}

function checkSection(cluster: ClusterConfig): Finding[] {
  const pools = Object.entries(cluster.pools);
  const path: Path = ["cluster"];
  return [
    ...(pools.length === 0 ? [onKey([...path, "pools"], "expected at least one pool; found none")] : []),
    ...pools.flatMap(([name, pool]) => [
      ...checkLabels(pool?.nodeSelector ?? {}, [...path, "pools", name, "nodeSelector"]),
      ...checkTolerations(pool?.tolerations ?? [], [...path, "pools", name, "tolerations"]),
      ...(pool?.gpuResource === undefined || isLabelKey(pool.gpuResource)
        ? []
        : [
            onValue(
              [...path, "pools", name, "gpuResource"],
              "expected the name of a resource, such as nvidia.com/gpu",
            ),
          ]),
    ]),
    ...(["models", "results"] as const).flatMap((share) =>
      checkShare(cluster.storage[share], [...path, "storage", share]),
    ),
    ...checkEncryption(cluster.storage, [...path, "storage", "results", "ociFss"]),
    ...checkLabels(cluster.steps?.nodeSelector ?? {}, [...path, "steps", "nodeSelector"]),
    ...checkTolerations(cluster.steps?.tolerations ?? [], [...path, "steps", "tolerations"]),
    ...Object.entries(cluster.secrets ?? {}).flatMap(([name, secret]) =>
      secret.key === undefined || /^[-._A-Za-z0-9]+$/.test(secret.key)
        ? []
        : [onValue([...path, "secrets", name, "key"], "expected a key of a Secret: letters, digits, - _ .")],
    ),
  ];
}

function checkLabels(labels: Readonly<Record<string, string>>, path: Path): Finding[] {
  return Object.entries(labels).flatMap(([key, value]) => {
    if (!isLabelKey(key))
      return [
        onKey(
          [...path, key],
          "no label of Kubernetes has such a key: a name of at most 63, perhaps after domain/",
        ),
      ];
    return isLabelValue(value)
      ? []
      : [
          onValue(
            [...path, key],
            "no label of Kubernetes has such a value: letters and digits, between them also . _ -, at most 63",
          ),
        ];
  });
}

function checkTolerations(tolerations: readonly TolerationConfig[], path: Path): Finding[] {
  return tolerations.flatMap(({ key, operator, value }, i) => {
    if (operator === "Exists" && value !== undefined)
      return [onKey([...path, i, "value"], "Exists asks for no value; remove it, or write operator: Equal")];
    if (key === undefined && (operator === "Equal" || value !== undefined))
      return [onKey([...path, i], "a value needs the key of its taint; add key")];
    return [];
  });
}

function checkShare(share: ShareConfig, path: Path): Finding[] {
  const kinds = (["claim", "nfs", "ociFss", "hostPath"] as const).filter((kind) => share[kind] !== undefined);
  const [kind, second] = kinds;
  if (kind === undefined) return [onKey(path, "expected one of claim, nfs, ociFss, hostPath")];
  if (second !== undefined) return [onKey([...path, second], `give ${kind} or ${second}, not both`)];
  if (share.nfs !== undefined && splitNfs(share.nfs) === undefined)
    return [
      onValue(
        [...path, "nfs"],
        'expected server:/path, such as "10.0.10.24:/llm" (an IPv6 address in brackets)',
      ),
    ];
  if (share.ociFss === null)
    return [onKey([...path, "ociFss"], "expected fileSystem, mountTarget and export")];
  return [
    ...(share.mountOptions !== undefined && kind !== "nfs"
      ? [onKey([...path, "mountOptions"], "only an NFS mount has options")]
      : []),
    ...(share.capacity !== undefined && kind === "claim"
      ? [onKey([...path, "capacity"], "a claim that is there has its size already")]
      : []),
  ];
}

/** Folders of one file system are one volume in a pod, which is mounted in one way. */
function checkEncryption({ models, results }: ClusterConfig["storage"], path: Path): Finding[] {
  const [a, b] = [models.ociFss, results.ociFss];
  if (!a || !b) return [];
  const isOne = a.fileSystem === b.fileSystem && a.mountTarget === b.mountTarget && a.export === b.export;
  return isOne && (a.encryptInTransit ?? false) !== (b.encryptInTransit ?? false)
    ? [onKey(path, "it is the models' file system: say encryptInTransit of both shares, or of neither")]
    : [];
}

function checkProfiling({ profiling, cluster, engines }: Config): Finding[] {
  if (profiling === undefined || profiling === "off") return [];
  const path: Path = ["profiling"];
  const { nsys, trace = [] } = profiling === "on" ? {} : profiling;
  return [
    ...(nsys ? checkNsys(cluster, nsys, [...path, "nsys"]) : checkNoNsys(cluster, engines, path)),
    ...(cluster && trace.includes(privilegedTrace)
      ? [
          onValue(
            [...path, "trace", trace.indexOf(privilegedTrace)],
            "nsys needs CAP_BPF and CAP_PERFMON for it, which no server's container is given; use osrt",
          ),
        ]
      : []),
  ];
}

/** System calls as the kernel sees them, which nsys of 2025 traces; all else it does inside the server's own process. */
const privilegedTrace = "syscall";

/** Engines' makers put no nsys into their images. That is said before hours of measuring. */
function checkNoNsys(cluster: Config["cluster"], engines: Config["engines"], path: Path): Finding[] {
  if (!cluster) return [];
  const without = Object.entries(engines).flatMap(([name, engine]) =>
    engine?.image === undefined ? [name] : [],
  );
  return without.length === 0
    ? []
    : [onKey(path, `the image of ${without.join(", ")} has no nsys; add nsys with share or image`)];
}

function checkNsys(cluster: Config["cluster"], { share, image, folder }: NsysConfig, path: Path): Finding[] {
  if (!cluster) return [onKey(path, "on this machine nsys is taken from PATH; remove this, or add cluster")];
  if (share !== undefined && image !== undefined)
    return [onKey([...path, "image"], "give share or image, not both")];
  if (folder !== undefined && image === undefined)
    return [onKey([...path, "folder"], "the folder is that in an image; add image, or give share alone")];
  return share === undefined && image === undefined ? [onKey(path, "give share or image")] : [];
}

function checkSchedule({ schedule, cluster }: Config): Finding[] {
  if (!schedule) return [];
  const path: Path = ["schedule"];
  if (!cluster)
    return [onKey(path, "only a cluster runs by the clock; add cluster, or use cron on this machine")];
  const problem = cronProblem(schedule.cron);
  const { timeZone } = schedule;
  return [
    ...(problem === undefined ? [] : [onValue([...path, "cron"], problem)]),
    ...(timeZone === undefined || isTimeZone(timeZone) ? [] : [unknownZone(timeZone, [...path, "timeZone"])]),
  ];
}

function isTimeZone(name: string): boolean {
  try {
    // Offsets such as +02:00 are taken too, but are no zones.
    const format = new Intl.DateTimeFormat("en", { timeZone: name });
    return /^[A-Za-z]/.test(name) && format.resolvedOptions().timeZone !== "";
  } catch {
    return false;
  }
}

function unknownZone(name: string, path: Path): Finding {
  const near = nearest(name, ["UTC", ...Intl.supportedValuesOf("timeZone")]);
  return onValue(
    path,
    `no time zone has this name; expected one such as Europe/Berlin${near === undefined ? "" : didYouMean(near)}`,
  );
}
