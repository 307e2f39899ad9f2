import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { EnterpriseRouter } from "./pages/EnterpriseRouter";
import { takeTokenFromAddress } from "./token";
import "./style.css";

takeTokenFromAddress();
const root = document.getElementById("root");
if (root === null) throw new Error("the page has no element with the id \"root\"");
createRoot(root).render(
  <StrictMode>
    <EnterpriseRouter />
  </StrictMode>,
);
