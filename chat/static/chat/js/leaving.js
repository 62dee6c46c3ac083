/* On the page after a logout: deletes unsent text from the browser and makes all tabs leave. */

import { forgetAllBut, leaveAll } from "./page.js";

forgetAllBut("");
leaveAll();
