import type { Settings } from "../settings/settings.ts";
import { shownUrl } from "../terminal/shown_values.mjs";
import type { Application, JobRequest, LoadRequests } from "./application.ts";
import { sampleApplication } from "./sample.ts";

/** The application that the commands work on, with the requests that the user gives in place of its own. */
export function chooseApplication(settings: Settings): Application {
  const application = sampleApplication(settings);
  const { jobRequests } = settings.services;
  const [first] = jobRequests;
  return first ? { ...application, request: first, requests: async () => given(jobRequests) } : application;
}

function given(requests: JobRequest[]): LoadRequests {
  const [only] = requests;
  const isOne = only && requests.length === 1;
  return {
    requests,
    what: isOne ? `${only.method} ${shownUrl(only.url)}` : `${requests.length} requests of JOB_REQUEST`,
  };
}
