/** Puts the benchmark page together. It is no notebook: nothing else may compute in it while it measures. */
import "./style/index.css";
import "./style/benchmark.css";
import { LabBenchmark } from "./elements/lab-benchmark.js";
import { LabHeader } from "./elements/lab-header.js";

customElements.define("lab-header", LabHeader);
customElements.define("lab-benchmark", LabBenchmark);
