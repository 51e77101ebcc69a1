import { defineConfig } from "vite";

// React as it is while one develops: its StrictMode mounts everything twice.
export default defineConfig({ base: "./", mode: "development", build: { minify: false } });
