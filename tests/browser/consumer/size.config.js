import { defineConfig } from "vite";

// What a frontend's bundler makes of the recorder alone.
export default defineConfig({
  build: {
    outDir: "size",
    minify: true,
    rollupOptions: {
      input: "viva-voce-recorder",
      preserveEntrySignatures: "strict",
      output: { entryFileNames: "recorder.js" },
    },
  },
});
