import { LlmbenchError } from "../../error.ts";

/** An answer of the API server that is no success. `status` is HTTP's. */
export class ApiError extends LlmbenchError {
  readonly status: number;

  constructor(status: number, code: string, message: string, options: { hint?: string } = {}) {
    super(code, message, options);
    this.status = status;
  }
}

/** What Kubernetes says in a failed answer. */
interface Status {
  readonly message?: string;
  readonly reason?: string;
}

function readStatus(body: string): Status {
  try {
    const parsed: unknown = JSON.parse(body);
    return typeof parsed === "object" && parsed !== null ? parsed : {};
  } catch {
    return { message: body.trim().slice(0, 300) };
  }
}

/** `deployments.apps "x" is forbidden: User "u" cannot create resource "deployments" in API group "apps" …` */
const denied =
  /User "([^"]+)" cannot (\w+) resource "([^"]+)"(?: in API group "([^"]*)")?(?:.* in the namespace "([^"]+)")?/;

/** The error of an answer, in a person's terms: which right, for whom, where. */
export function errorOf(status: number, body: string, what: string, identity: string): ApiError {
  const said = readStatus(body).message ?? `HTTP ${status}`;
  const right = status === 403 ? denied.exec(said) : null;
  if (right !== null) {
    const [, user = identity, verb, resource, group, namespace] = right;
    const kind = group ? `${resource}.${group}` : resource;
    const place = namespace === undefined ? "in the whole cluster" : `in namespace ${namespace}`;
    const account = /^system:serviceaccount:([^:]+):(.+)$/.exec(user);
    const who = account === null ? `User ${user}` : `ServiceAccount ${account[2]} of namespace ${account[1]}`;
    const remedy =
      account === null
        ? "Ask who administers the cluster for this right."
        : "Apply the access manifests that `llmbench build` writes, or give it the right.";
    return new ApiError(403, "CLUSTER_FORBIDDEN", `${who} may not ${verb} ${kind} ${place}.`, {
      hint: `${remedy} To check: kubectl auth can-i ${verb} ${kind}${account === null ? "" : ` --as ${user}`}${namespace === undefined ? "" : ` -n ${namespace}`}`,
    });
  }
  switch (status) {
    case 401:
      return new ApiError(
        status,
        "CLUSTER_UNAUTHORIZED",
        `The API server does not know ${identity}: ${said}`,
        {
          hint: "The token or certificate has run out, or is another cluster's: check with `kubectl auth whoami`.",
        },
      );
    case 404:
      return new ApiError(status, "CLUSTER_NOT_FOUND", `${what}: ${said}`, {
        hint: "Check that the namespace is there and that the cluster has Argo's custom resources.",
      });
    case 409:
      return new ApiError(status, "CLUSTER_CONFLICT", `${what}: ${said}`);
    case 410:
      return new ApiError(status, "CLUSTER_GONE", `${what}: ${said}`);
    case 400:
    case 403:
    case 422:
      return new ApiError(status, "CLUSTER_REJECTED", `The cluster refused ${what}: ${said}`, {
        hint: "A field of the config has a value that this cluster does not take, or a policy of it forbids one.",
      });
    default:
      return new ApiError(status, "CLUSTER_ERROR", `${what}: HTTP ${status}: ${said}`);
  }
}

/** True where nothing is wrong but that the object is not there. */
export function isStatus(error: unknown, status: number): boolean {
  return error instanceof ApiError && error.status === status;
}
