import type { ContainerSpec } from "../server.ts";
import type { Container } from "./objects.ts";
import { toolVolume } from "./volumes.ts";

/** Any user that is not root can read an image and write an empty folder. */
const nobody = 65_534;

/** The init container that copies a server's tool out of an image of its own; undefined where it has none. */
export function toolCopier({ tool, user }: ContainerSpec): Container | undefined {
  if (tool === undefined) return undefined;
  const to = "/tool";
  return {
    name: toolVolume,
    image: tool.image,
    imagePullPolicy: tool.pullPolicy,
    // What the folder holds, links as links: they point at each other inside.
    command: ["cp", "-R", `${tool.from.replace(/\/+$/, "")}/.`, to],
    volumeMounts: [{ name: toolVolume, mountPath: to }],
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      runAsNonRoot: true,
      // The image's own user may be root, also where the server's may not.
      ...(user === undefined || user.uid === 0 ? { runAsUser: nobody, runAsGroup: nobody } : {}),
      capabilities: { drop: ["ALL"] },
    },
    // `cp` says there why it failed.
    terminationMessagePolicy: "FallbackToLogsOnError",
  };
}
