"""The part of Elasticsearch's and OpenSearch's HTTP interface that we use, as their docs have it.

No server of either runs without a download, so this stands for them: it knows what a request means,
nothing of how they rank, round or fail.
"""

from __future__ import annotations

import json
import operator

import httpx

RANGES = {"lt": operator.lt, "lte": operator.le, "gt": operator.gt, "gte": operator.ge}


class Cluster:
    """Answers requests; `bodies` are those of searches and of indexes that were made."""

    def __init__(self, version="9.2.1"):
        self.version = {"number": version}
        self.indices, self.scrolls, self.bodies = {}, {}, []
        self.transport = httpx.MockTransport(self.answer)

    def answer(self, request):
        method, path = request.method, request.url.path
        text = request.content.decode()
        if path == "/_bulk":
            assert request.headers["content-type"] == "application/x-ndjson"
            lines = [json.loads(line) for line in text.splitlines()]
            return self.bulk(lines, request.url.params.get("refresh") == "true")
        body = json.loads(text) if text else {}
        if path == "/":
            return self.say({"version": self.version})
        if path == "/_search/scroll":
            if method == "DELETE":
                return self.say({"succeeded": self.scrolls.pop(body["scroll_id"], None) == []})
            return self.page(body["scroll_id"])
        name, _, call = path[1:].partition("/")
        if method == "PUT":
            self.bodies.append(body)
            self.indices[name] = body, {}
            return self.say({"acknowledged": True})
        if name not in self.indices:
            error = {"type": "index_not_found_exception", "reason": f"no such index [{name}]"}
            return self.say({"error": error, "status": 404}, 404)
        made, documents = self.indices[name]
        if method == "DELETE":
            del self.indices[name]
            return self.say({"acknowledged": True})
        if call == "_mapping":
            return self.say({name: {"mappings": made["mappings"]}})
        if call == "_count":
            return self.say({"count": len(documents)})
        assert call == "_search"
        if "scroll" in request.url.params:
            hits = [{"_id": name, "_source": source} for name, source in documents.items()]
            size = body["size"]
            self.scrolls["s"] = [hits[at : at + size] for at in range(0, len(hits), size)] + [[]]
            return self.page("s")
        self.bodies.append(body)
        scored = [(self.score(body["query"], source), name) for name, source in documents.items()]
        best = sorted((-score, name) for score, name in scored if score)[: body["size"]]
        hits = [{"_id": name, "_score": -score} for score, name in best]
        return self.say({"hits": {"hits": hits}})

    def page(self, scroll):
        return self.say({"_scroll_id": scroll, "hits": {"hits": self.scrolls[scroll].pop(0)}})

    def bulk(self, lines, refresh):
        """Without a refresh, what is written is seen some time: here never."""
        items, lines = [], iter(lines)
        for line in lines:
            ((action, target),) = line.items()
            documents = self.indices[target["_index"]][1] if refresh else {}
            done = {"_id": target["_id"], "status": 200}
            if action == "delete":
                documents.pop(target["_id"], None)
            else:
                source = next(lines)
                if any(weight <= 0 for weight in source["vector"].values()):
                    done["error"] = {"reason": "feature must be positive"}
                documents[target["_id"]] = source
            items.append({action: done})
        return self.say(
            {"errors": any("error" in d for i in items for d in i.values()), "items": items}
        )

    def score(self, query, source):
        """None or False if a document does not match."""
        ((kind, said),) = query.items()
        if kind == "bool":
            if any(not self.score(term, source) for term in said.get("filter", [])):
                return False
            if any(self.score(term, source) for term in said.get("must_not", [])):
                return False
            should = [self.score(term, source) for term in said.get("should", [])]
            must = [self.score(term, source) for term in said.get("must", [])]
            if not all(must) or ("should" in said and not any(should)):
                return False
            return sum(must) + sum(filter(None, should)) or True
        if kind == "sparse_vector":
            vector = source[said["field"]]
            return sum(w * vector.get(column, 0) for column, w in said["query_vector"].items())
        if kind == "rank_feature":
            field, _, column = said["field"].partition(".")
            return said["boost"] * source[field].get(column, 0)
        if kind in ("match_all", "match_none"):
            return kind == "match_all"
        ((path, condition),) = said.items()
        value = source
        for part in path.split("."):
            value = value.get(part) if value is not None else None
        values = [] if value is None else value if isinstance(value, list) else [value]
        if kind == "term":
            return any(each == condition["value"] for each in values)
        assert kind == "range"
        return any(
            RANGES[word](each, bound) for each in values for word, bound in condition.items()
        )

    @staticmethod
    def say(content, status=200):
        return httpx.Response(status, json=content)
