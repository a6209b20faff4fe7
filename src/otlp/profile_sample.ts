/** A place in the code. */
export interface Frame {
  name: string;
  file: string;
  /** Where the function begins. */
  line: number;
}

/** One sample: what was measured, by name (`cpu`: ns, `wall`: ns, `sample`: 1), for whom, and where. */
export interface ProfileSample {
  values: Record<string, number>;
  /** `job`, `span_id` and `trace_id`, where they are known. */
  labels: Record<string, string>;
  /** The innermost first. */
  stack: Frame[];
}
