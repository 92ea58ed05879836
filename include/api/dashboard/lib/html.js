// Preact and htm, under one name for every module. Text put into a template is text, never markup.
export {
  h,
  html,
  render,
  useEffect,
  useLayoutEffect,
  useMemo,
  useRef,
  useState,
  useCallback,
} from "../vendor/htm-preact.js";
