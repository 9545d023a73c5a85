import type { ContainerSpec } from "../server.ts";
import type { Container, Pod } from "./objects.ts";

type Volume = NonNullable<NonNullable<Pod["spec"]>["volumes"]>[number];

interface MountedVolume {
  readonly volume: Volume;
  readonly mount: NonNullable<Container["volumeMounts"]>[number];
}

/** The empty folder that a tool is copied to before the server starts. */
export const toolVolume = "tool";

/** What a server's container finds: models, shared memory, a tool, folders that it may write. */
export function volumesOf(
  container: ContainerSpec,
  models: { readonly claim: string; readonly subPath?: string } | undefined,
): MountedVolume[] {
  return [
    ...(models === undefined
      ? []
      : [
          {
            volume: {
              name: "models",
              persistentVolumeClaim: { claimName: models.claim, readOnly: true },
            },
            mount: {
              name: "models",
              mountPath: container.modelsMount,
              readOnly: true,
              ...(models.subPath === undefined ? {} : { subPath: models.subPath }),
            },
          },
        ]),
    ...(container.sharedMemory === undefined
      ? []
      : [emptyFolder("shared-memory", { path: "/dev/shm", medium: "memory", size: container.sharedMemory })]),
    ...(container.tool === undefined
      ? []
      : [
          {
            volume: { name: toolVolume, emptyDir: {} },
            mount: { name: toolVolume, mountPath: container.tool.to, readOnly: true },
          },
        ]),
    ...container.writable.map((folder, index) => emptyFolder(`writable-${index + 1}`, folder)),
  ];
}

function emptyFolder(name: string, folder: ContainerSpec["writable"][number]): MountedVolume {
  return {
    volume: {
      name,
      emptyDir: {
        ...(folder.medium === "memory" ? { medium: "Memory" } : {}),
        ...(folder.size === undefined ? {} : { sizeLimit: folder.size }),
      },
    },
    mount: { name, mountPath: folder.path },
  };
}
