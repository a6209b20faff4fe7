import "./style.css";
import type { PageData } from "../page/page_data.ts";
import { byId } from "./dom.ts";
import { startFlames } from "./flames.ts";
import { startTheme } from "./theme.ts";
import { startTimeline } from "./timeline.ts";
import { startTraces } from "./traces.ts";

const data = JSON.parse(byId("data").textContent ?? "") as PageData;
const showTrace = startTraces(data.traces);
startTimeline(data.timeline, showTrace);
startFlames(data.flames);
startTheme();
document.documentElement.dataset.drawn = "yes";
