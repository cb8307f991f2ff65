"""Checks what sinks have sent with libraries that others wrote; says what it counted.

Reads {"secret", "webhooks": [{"headers", "body"}], "otlp": [body]} from standard input.
Needs the packages standardwebhooks and opentelemetry-proto.
"""
import json
import sys

from google.protobuf import json_format
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from standardwebhooks import Webhook, WebhookVerificationError

given = json.load(sys.stdin)
receiver = Webhook(given["secret"])
records = 0
for call in given["webhooks"]:
    records += len(receiver.verify(call["body"], call["headers"])["data"]["records"])
    try:
        receiver.verify(call["body"].replace("acme", "acmf"), call["headers"])
    except WebhookVerificationError:
        continue
    sys.exit("a changed body was taken for good")

logs = 0
for body in given["otlp"]:
    # Unknown fields and wrong types are errors.
    request = json_format.Parse(body, ExportLogsServiceRequest())
    again = ExportLogsServiceRequest.FromString(request.SerializeToString())
    for resource in again.resource_logs:
        for scope in resource.scope_logs:
            logs += len(scope.log_records)
            for record in scope.log_records:
                names = {attribute.key for attribute in record.attributes}
                assert {"weir.record_id", "weir.node_seq", "gen_ai.operation.name"} <= names, names

print(f"webhooks={len(given['webhooks'])} records={records} logs={logs}")
