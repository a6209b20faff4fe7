// What V8 and Node print of themselves when they end a process.

/** V8's reason to end the process, when that is its memory. */
export function fatalError(output: string): string | undefined {
  return /FATAL ERROR: .*(heap|memory).*/i.exec(output)?.[0];
}

/** How many are worth repeating. */
const LAST_GCS = 5;

/**
 * V8 prints "[pid:address] 1234 ms: Mark-Compact 126.8 (129.5) -> 126.7 (129.8) MB, ..." for its last collections. What it
 * keeps of each is short: one may begin where the one before is cut off, on the same line.
 */
export function lastCollections(output: string): string[] {
  const all = output.matchAll(/\[\d+:0x[\da-f]+\] +(\d+ ms: .*?)(?=\[\d+:0x|\r?$)/gm);
  return [...all].slice(-LAST_GCS).map(([, line]) => `gc at ${line}`);
}

/** The message of an error that nobody caught, as Node prints it before its stack. */
export function lastError(output: string): string | undefined {
  return linesOf(output).findLast((line) => /^(error: |Uncaught |\w*(Error|Exception)\b.*: )/.test(line));
}

function linesOf(output: string): string[] {
  return output.split(/\r?\n/);
}
