"""Prints every webhook that arrives."""
import json
from http.server import BaseHTTPRequestHandler, HTTPServer


class Catcher(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        message = json.loads(body)
        print(message["type"], json.dumps(message["data"].get("incident")))
        self.send_response(202)
        self.end_headers()

    def log_message(self, *_):
        pass


HTTPServer(("", 8700), Catcher).serve_forever()
