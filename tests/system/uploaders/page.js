// For a page: tus-js-client and Uppy with its plugin for tus, as they are.
import Uppy from "@uppy/core";
import Tus from "@uppy/tus";
import * as tus from "tus-js-client";

Object.assign(window, { Uppy, Tus, tus });
