import { resolve } from "node:path";
import { type Environment, ROOT, readEnvironment } from "../settings/environment.ts";
import { readerOf } from "../settings/reader.ts";
import { readQueueUrl } from "../settings/stack.ts";
import { SETTINGS, type Setting } from "../settings/table.ts";

/** What the sample's own processes are told, beside what every application may be told. */
export interface SampleSettings {
  apiHost: string;
  apiPort: number;
  /** `undefined`: nobody has said it. */
  queueUrl: string | undefined;
  /** Absolute path of the folder that bounds which repositories may be reviewed. */
  reviewRoot: string;
  /** Whether git trusts it, whoever owns it. */
  reviewRootTrusted: boolean;
  /** A file to write when the process is ready. */
  readyFile: string | undefined;
  /** Reviews that the worker does at once. */
  concurrency: number;
  environment: Environment;
}

/** The sample's own setting, for `.env`. */
export const SAMPLE_SETTINGS: readonly Setting[] = [
  {
    name: "REVIEW_ROOT",
    default: "",
    help: "folder that bounds which repositories may be reviewed; empty: this checkout",
  },
];

/** What the compose files set inside the containers; not for `.env`. */
const CONTAINER_SETTINGS: readonly Setting[] = [
  { name: "API_HOST", default: "127.0.0.1", help: "address that the API binds", allowed: ["127.0.0.1", "0.0.0.0"] },
  { name: "REVIEW_ROOT_TRUSTED", default: "", help: "git trusts REVIEW_ROOT, whoever owns it", allowed: ["true"] },
  { name: "READY_FILE", default: "", help: "file that the API and the worker write when they are ready" },
];

/** @throws {UserError} naming the variable, its value and what is wanted */
export function readSampleSettings(environment = readEnvironment(), root = ROOT): SampleSettings {
  const reader = readerOf(environment, [...SETTINGS, ...SAMPLE_SETTINGS, ...CONTAINER_SETTINGS]);
  const { text, port, whole } = reader;
  return {
    apiHost: text("API_HOST"),
    apiPort: port("API_PORT"),
    queueUrl: readQueueUrl(reader),
    reviewRoot: resolve(root, text("REVIEW_ROOT") || "."),
    reviewRootTrusted: text("REVIEW_ROOT_TRUSTED") === "true",
    readyFile: text("READY_FILE") || undefined,
    concurrency: whole("WORKER_CONCURRENCY", [1, 10_000]),
    environment,
  };
}
