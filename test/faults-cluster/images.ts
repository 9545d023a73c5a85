import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";

/** The nodes' containerd, where all of them are on this machine (beside the kubeconfig); none elsewhere. */
export const nodeSockets: readonly string[] = socketsBeside(process.env["KUBECONFIG"]);

function socketsBeside(kubeconfig: string | undefined): string[] {
  if (kubeconfig === undefined) return [];
  const folder = dirname(kubeconfig);
  return readdirSync(folder)
    .map((node) => join(folder, node, "containerd.sock"))
    .filter((path) => existsSync(path));
}

/** Brings an image to every node under another name, as one who loads what was forgotten. */
export function tagImage(image: string, name: string): void {
  for (const socket of nodeSockets) ctr(socket, ["tag", "--force", image, name]);
}

export function untagImage(name: string): void {
  for (const socket of nodeSockets) ctr(socket, ["rm", name]);
}

function ctr(socket: string, words: readonly string[]): void {
  const { status, stderr } = spawnSync("ctr", ["-a", socket, "-n", "k8s.io", "images", ...words], {
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(`ctr images ${words.join(" ")}: ${stderr}`);
}
