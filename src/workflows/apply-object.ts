import { isDeepStrictEqual } from "node:util";
import { z } from "zod";
import type { ApiClient } from "../servers/kubernetes/api-client.ts";
import { isStatus } from "../servers/kubernetes/api-error.ts";
import { fieldManager } from "../servers/kubernetes/names.ts";
import { type ClusterObject, pathOf } from "./object-paths.ts";

/** How an object on the cluster stands to the one that was built. */
export type Standing = "absent" | "differs" | "as built" | "not looked at";

const FieldsEntry = z.looseObject({
  manager: z.string().optional(),
  operation: z.string().optional(),
  subresource: z.string().optional(),
  fieldsV1: z.unknown(),
});
type FieldsEntry = z.infer<typeof FieldsEntry>;
const Managed = z.object({
  managedFields: z.array(FieldsEntry).optional(),
  resourceVersion: z.string().optional(),
});

/** What `kubectl apply` without --server-side calls itself. */
const clientSideManager = "kubectl-client-side-apply";

/** Looks without writing: every field that was built is there as it is. The cluster's own additions do not count. */
export async function standingOf(client: ApiClient, object: ClusterObject): Promise<Standing> {
  try {
    const live = await client.get<ClusterObject>(pathOf(object));
    if (live === undefined) return "absent";
    // The specs of volumes and claims come back in the cluster's own spelling, and cannot be changed anyway.
    if (object.kind.startsWith("PersistentVolume")) return "as built";
    return isWithin(live, object) ? "as built" : "differs";
  } catch (error) {
    if (isStatus(error, 403)) return "not looked at";
    throw error;
  }
}

/** Makes an object as it was built, by server-side apply; says what that changed. */
export async function applyObject(
  client: ApiClient,
  object: ClusterObject,
): Promise<"made" | "changed" | "as it was"> {
  const path = pathOf(object);
  const live = await client.get<ClusterObject>(path);
  if (live !== undefined) await takeOver(client, path, live);
  const applied = await client.apply<ClusterObject>(path, object);
  if (live === undefined) return "made";
  return isDeepStrictEqual(contentOf(live), contentOf(applied)) ? "as it was" : "changed";
}

/**
 * Fields that `kubectl apply` set would stay for ever, since only who set a field takes it away by leaving it out. They
 * become ours, as `kubectl apply --server-side` does with them.
 */
async function takeOver(client: ApiClient, path: string, live: ClusterObject): Promise<void> {
  const { managedFields = [], resourceVersion } = Managed.parse(live.metadata);
  const theirs = managedFields.filter(isClientSide);
  if (theirs.length === 0) return;
  const isOurs = ({ manager, operation }: FieldsEntry) => manager === fieldManager && operation === "Apply";
  const all = [...managedFields.filter(isOurs), ...theirs];
  const ours = {
    ...all[0],
    manager: fieldManager,
    operation: "Apply",
    fieldsV1: all.map(({ fieldsV1 }) => fieldsV1).reduce(unite),
  };
  const rest = managedFields.filter((entry) => !isOurs(entry) && !isClientSide(entry));
  await client.patch(path, [
    { op: "replace", path: "/metadata/managedFields", value: [ours, ...rest] },
    { op: "replace", path: "/metadata/resourceVersion", value: resourceVersion },
  ]);
}

const isClientSide = ({ manager, operation, subresource }: FieldsEntry) =>
  manager === clientSideManager && operation === "Update" && !subresource;

/** Two sets of fields (objects of objects) in one. */
function unite(a: unknown, b: unknown): unknown {
  if (!isRecord(a) || !isRecord(b)) return a ?? b;
  const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
  return Object.fromEntries([...keys].map((key) => [key, unite(a[key], b[key])]));
}

function isWithin(live: unknown, built: unknown): boolean {
  if (!isRecord(built)) return isDeepStrictEqual(live, built);
  return isRecord(live) && Object.entries(built).every(([key, value]) => isWithin(live[key], value));
}

/** What a person would call the object's content: not who set what, nor how it goes. */
function contentOf({ metadata, status: _status, ...rest }: ClusterObject): unknown {
  return { ...rest, labels: metadata["labels"], annotations: metadata["annotations"] };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
