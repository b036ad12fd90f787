"""The messages that protobuf bodies are made of: field numbers as in the generated.proto files of k8s.io/api."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Field:
    """One field: its JSON name, and how its bytes are read (`string`, `bool`, `int`, `map`, `bytes-map`,
    `int-or-string`, or a message's name)."""

    name: str
    type: str = "string"
    repeated: bool = False


Message = dict[int, Field]

MESSAGES: dict[str, Message] = {
    "ObjectMeta": {
        1: Field("name"),
        2: Field("generateName"),
        3: Field("namespace"),
        5: Field("uid"),
        6: Field("resourceVersion"),
        11: Field("labels", "map"),
        12: Field("annotations", "map"),
        14: Field("finalizers", repeated=True),
    },
    "Reference": {1: Field("name")},
    "SecretReference": {1: Field("kind"), 2: Field("namespace"), 3: Field("name"), 4: Field("uid")},
    "Namespace": {1: Field("metadata", "ObjectMeta"), 2: Field("spec", "NamespaceSpec")},
    "NamespaceSpec": {1: Field("finalizers", repeated=True)},
    "ServiceAccount": {
        1: Field("metadata", "ObjectMeta"),
        2: Field("secrets", "SecretReference", repeated=True),
        3: Field("imagePullSecrets", "Reference", repeated=True),
        4: Field("automountServiceAccountToken", "bool"),
    },
    "TokenRequest": {1: Field("metadata", "ObjectMeta"), 2: Field("spec", "TokenRequestSpec")},
    "TokenRequestSpec": {
        1: Field("audiences", repeated=True),
        3: Field("boundObjectRef", "BoundObjectReference"),
        4: Field("expirationSeconds", "int"),
    },
    "BoundObjectReference": {1: Field("kind"), 2: Field("apiVersion"), 3: Field("name"), 4: Field("uid")},
    "SelfSubjectAccessReview": {
        1: Field("metadata", "ObjectMeta"),
        2: Field("spec", "SelfSubjectAccessReviewSpec"),
    },
    "SelfSubjectAccessReviewSpec": {
        1: Field("resourceAttributes", "ResourceAttributes"),
        2: Field("nonResourceAttributes", "NonResourceAttributes"),
    },
    "ResourceAttributes": {
        1: Field("namespace"),
        2: Field("verb"),
        3: Field("group"),
        4: Field("version"),
        5: Field("resource"),
        6: Field("subresource"),
        7: Field("name"),
    },
    "NonResourceAttributes": {1: Field("path"), 2: Field("verb")},
    "SelfSubjectRulesReview": {1: Field("metadata", "ObjectMeta"), 2: Field("spec", "RulesReviewSpec")},
    "RulesReviewSpec": {1: Field("namespace")},
    "SelfSubjectReview": {1: Field("metadata", "ObjectMeta")},
    "DeleteOptions": {
        1: Field("gracePeriodSeconds", "int"),
        2: Field("preconditions", "Preconditions"),
        4: Field("propagationPolicy"),
        5: Field("dryRun", repeated=True),
    },
    "Preconditions": {1: Field("uid"), 2: Field("resourceVersion")},
    "ConfigMap": {
        1: Field("metadata", "ObjectMeta"),
        2: Field("data", "map"),
        3: Field("binaryData", "bytes-map"),
        4: Field("immutable", "bool"),
    },
    "Secret": {
        1: Field("metadata", "ObjectMeta"),
        2: Field("data", "bytes-map"),
        3: Field("type"),
        4: Field("stringData", "map"),
        5: Field("immutable", "bool"),
    },
    "Service": {1: Field("metadata", "ObjectMeta"), 2: Field("spec", "ServiceSpec")},
    "ServiceSpec": {
        1: Field("ports", "ServicePort", repeated=True),
        2: Field("selector", "map"),
        3: Field("clusterIP"),
        4: Field("type"),
        5: Field("externalIPs", repeated=True),
        7: Field("sessionAffinity"),
        8: Field("loadBalancerIP"),
        9: Field("loadBalancerSourceRanges", repeated=True),
        10: Field("externalName"),
        11: Field("externalTrafficPolicy"),
    },
    "ServicePort": {
        1: Field("name"),
        2: Field("protocol"),
        3: Field("port", "int"),
        4: Field("targetPort", "int-or-string"),
        6: Field("appProtocol"),
    },
    "Role": {1: Field("metadata", "ObjectMeta"), 2: Field("rules", "PolicyRule", repeated=True)},
    "ClusterRole": {1: Field("metadata", "ObjectMeta"), 2: Field("rules", "PolicyRule", repeated=True)},
    "PolicyRule": {
        1: Field("verbs", repeated=True),
        2: Field("apiGroups", repeated=True),
        3: Field("resources", repeated=True),
        4: Field("resourceNames", repeated=True),
        5: Field("nonResourceURLs", repeated=True),
    },
    "RoleBinding": {
        1: Field("metadata", "ObjectMeta"),
        2: Field("subjects", "Subject", repeated=True),
        3: Field("roleRef", "RoleRef"),
    },
    "ClusterRoleBinding": {
        1: Field("metadata", "ObjectMeta"),
        2: Field("subjects", "Subject", repeated=True),
        3: Field("roleRef", "RoleRef"),
    },
    "Subject": {1: Field("kind"), 2: Field("apiGroup"), 3: Field("name"), 4: Field("namespace")},
    "RoleRef": {1: Field("apiGroup"), 2: Field("kind"), 3: Field("name")},
    "Deployment": {1: Field("metadata", "ObjectMeta"), 2: Field("spec", "DeploymentSpec")},
    "DeploymentSpec": {
        1: Field("replicas", "int"),
        2: Field("selector", "LabelSelector"),
        3: Field("template", "PodTemplateSpec"),
    },
    "LabelSelector": {1: Field("matchLabels", "map")},
    "PodTemplateSpec": {1: Field("metadata", "ObjectMeta"), 2: Field("spec", "PodSpec")},
    "PodSpec": {
        2: Field("containers", "Container", repeated=True),
        3: Field("restartPolicy"),
        8: Field("serviceAccountName"),
    },
    "Container": {
        1: Field("name"),
        2: Field("image"),
        3: Field("command", repeated=True),
        4: Field("args", repeated=True),
        6: Field("ports", "ContainerPort", repeated=True),
        7: Field("env", "EnvVar", repeated=True),
    },
    "ContainerPort": {1: Field("name"), 3: Field("containerPort", "int"), 4: Field("protocol")},
    "EnvVar": {1: Field("name"), 2: Field("value")},
}
