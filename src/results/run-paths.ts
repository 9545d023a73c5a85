import { join } from "node:path";
import { LlmbenchError } from "../error.ts";

/** Where everything of a run lies. Pure: names are checked, nothing is read. */
export class RunPaths {
  readonly root: string;

  constructor(root: string) {
    this.root = root;
  }

  get run(): string {
    return join(this.root, "run.json");
  }

  get results(): string {
    return join(this.root, "results.json");
  }

  get report(): string {
    return join(this.root, "report", "index.html");
  }

  get cells(): string {
    return join(this.root, "cells");
  }

  cell(cell: string): string {
    return join(this.cells, checkName("cell", cell));
  }

  status(cell: string): string {
    return join(this.cell(cell), "status.json");
  }

  deployments(cell: string): string {
    return join(this.cell(cell), "deployments");
  }

  deployment(cell: string, deployment: number): DeploymentPaths {
    const folder = join(this.deployments(cell), checkNumber("deployment", deployment));
    return {
      folder,
      server: join(folder, "server.json"),
      log: join(folder, "server.log"),
      warmup: join(folder, "warmup.json"),
      capture: join(folder, "capture"),
    };
  }

  /** A cell's profile, once it is whole. */
  profile(cell: string): ProfilePaths {
    const folder = join(this.cell(cell), "profile");
    return { folder, summary: join(folder, "summary.json") };
  }

  /** What a step of a plugin leaves of a cell. */
  step(cell: string, step: string): StepPaths {
    const folder = join(this.cell(cell), "steps", checkName("step", step));
    return { folder, summary: join(folder, "summary.json") };
  }

  points(cell: string): string {
    return join(this.cell(cell), "points");
  }

  point(cell: string, point: string): string {
    return join(this.points(cell), checkName("point", point));
  }

  measurement(cell: string, point: string, repetition: number): MeasurementPaths {
    const folder = join(this.point(cell, point), checkNumber("repetition", repetition));
    return {
      folder,
      records: join(folder, "requests.ndjson.gz"),
      server: join(folder, "server-metrics.json"),
      summary: join(folder, "summary.json"),
    };
  }
}

export interface DeploymentPaths {
  readonly folder: string;
  readonly server: string;
  readonly log: string;
  readonly warmup: string;
  /** What a profiler recorded of it, until copy-profile takes it. */
  readonly capture: string;
}

export interface ProfilePaths {
  readonly folder: string;
  readonly summary: string;
}

export interface StepPaths {
  readonly folder: string;
  /** Its presence says that the step is done. */
  readonly summary: string;
}

export interface MeasurementPaths {
  readonly folder: string;
  /** One record a request; src/load/record-writer.ts writes it. */
  readonly records: string;
  /** What the server said of itself meanwhile. */
  readonly server: string;
  /** Its presence says that the measurement is whole. */
  readonly summary: string;
}

const NAME = /^[A-Za-z0-9][A-Za-z0-9._+=@-]{0,199}$/;

export function isName(name: string): boolean {
  return NAME.test(name);
}

/** A name that is a good file name everywhere, and cannot lead out of its folder. Throws RUN_NAME_INVALID. */
export function checkName(what: "run" | "cell" | "point" | "step", name: string): string {
  if (isName(name)) return name;
  throw new LlmbenchError("RUN_NAME_INVALID", `The ${what} "${name}" cannot be the name of a folder.`, {
    hint: "Use letters, digits and . _ + = @ -, beginning with a letter or a digit, at most 200.",
  });
}

function checkNumber(what: "deployment" | "repetition", n: number): string {
  if (Number.isSafeInteger(n) && n >= 1) return String(n);
  throw new LlmbenchError("RUN_NAME_INVALID", `The ${what} ${n} cannot be the name of a folder.`, {
    hint: "They are numbered 1, 2, 3 …",
  });
}
