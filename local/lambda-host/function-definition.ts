/** A function as the template defines it, ready to be run. */
export interface FunctionDefinition {
  readonly name: string;
  readonly arn: string;
  /** Directory of the bundle. */
  readonly taskRoot: string;
  /** Source text of a function that the template holds inline. */
  readonly source: string | undefined;
  /** `file.export`, as Lambda has it. */
  readonly handler: string;
  readonly memoryMb: number;
  readonly timeoutMs: number;
  /** Every environment variable that the function sees. */
  readonly environment: Readonly<Record<string, string>>;
  /** Most execution environments at a time. */
  readonly maxEnvironments: number;
}
