/** Starts the page: the locale guard first, then the bridge, then the app. */
import "./locale";
import "./styles/fonts.css";
import "./styles/tokens.css";
import "./styles/base.css";
import { mount } from "svelte";
import App from "./App.svelte";
import { openBridge } from "./bridge/bridge";
import { start } from "./state/start";

const target = document.getElementById("app");
if (target === null) throw new Error("the page has no #app");

const bridge = await openBridge();
start(bridge);
mount(App, { target });
