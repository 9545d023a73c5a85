/** What is said on the command line of `llmbench bench`, as commander hands it over. */
export interface BenchOptions {
  readonly model?: string;
  readonly api: "chat" | "completions";
  readonly concurrency?: string;
  readonly rate?: string;
  readonly arrival: "poisson" | "constant";
  readonly maxConcurrency: string;
  readonly maxTokens: string;
  readonly inputTokens?: string;
  readonly cache?: string;
  readonly requests?: string;
  readonly duration?: string;
  readonly repetitions: string;
  readonly timeout: string;
  readonly serverMetrics: string;
  readonly warmup: string;
  readonly seed: string;
  readonly temperature: string;
  readonly prompt?: string;
  readonly dataset?: string;
  readonly dialect: string;
  readonly apiKeyEnv?: string;
  readonly header: readonly string[];
  readonly body?: string;
  readonly ca?: string;
  readonly saveText?: boolean;
  readonly failOn: string;
  readonly errorBars: boolean;
  readonly slo?: string;
  readonly out: string;
  readonly id?: string;
  readonly json?: boolean;
  readonly verbose?: boolean;
}
