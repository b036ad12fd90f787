"""The problem codes of Google Cloud: 8xx, each with its title and what to do next."""

from __future__ import annotations

from meshvm_tui.problem_entry import Entry

GOOGLE: dict[str, Entry] = {
    "MVM-801": Entry("No Google credentials were found", "Run gcloud auth application-default login, then retry."),
    "MVM-802": Entry("The Google login has expired", "Run gcloud auth application-default login, then retry."),
    "MVM-803": Entry("The Google credentials cannot be used", "Mend or replace the file that it names."),
    "MVM-804": Entry("Google cannot be reached", "Check the network and proxy, then retry."),
    "MVM-805": Entry("A permission in Google Cloud is missing", "Ask for a role that has it (docs/permissions.md)."),
    "MVM-806": Entry("A Google API is switched off in this project", "Enable it with the command shown, then retry."),
    "MVM-807": Entry("The quota project cannot be used", "Name one where you may use services, or leave it out."),
    "MVM-808": Entry(
        "The service account may not be impersonated",
        "Ask for roles/iam.serviceAccountTokenCreator on it.",
    ),
    "MVM-809": Entry("Google knows no such project", "Set the project: gcloud config set project."),
    "MVM-810": Entry("There is no such zone", "Set the zone: gcloud config set compute/zone."),
    "MVM-811": Entry("A quota of the project is used up", "Choose another region or a smaller type, or ask for more."),
    "MVM-812": Entry("The zone has no capacity for this machine", "Choose another zone or another machine type."),
    "MVM-813": Entry("Google ended the operation with an error", "Read its words, then retry."),
    "MVM-814": Entry("Something of that name exists already", "Choose another name, or take what is there."),
    "MVM-815": Entry("It was changed by somebody else meanwhile", "It is read again and retried."),
    "MVM-816": Entry("Google knows nothing of that name", "Pick one of those that exist."),
    "MVM-817": Entry("Google asks to wait", "It is tried again; wait if this stays."),
    "MVM-818": Entry("Google refused the request", "Mend the field that it names."),
    "MVM-819": Entry("The instance does not exist", "Pick one that does, or let it be created."),
    "MVM-820": Entry("The instance is in a state that cannot be used", "Bring it to RUNNING, then retry."),
    "MVM-821": Entry("The firewall rule of that name is not ours", "Choose another name, or ask its owner."),
    "MVM-822": Entry("Another firewall rule stands between Pods and VM", "Change it with its owner, or its priority."),
    "MVM-823": Entry("Pods may arrive with their nodes' addresses", "Exempt the VM's range from masquerading."),
    "MVM-824": Entry("Cluster and VM are in different networks", "Connect the networks, or use a VM in the cluster's."),
    "MVM-825": Entry("The firewall lets no SSH in to the instance", "Allow TCP 22 from here, or set ssh.via to iap."),
    "MVM-826": Entry("IAP does not reach the instance's SSH port", "Allow 35.235.240.0/20 to its SSH port."),
    "MVM-827": Entry("IAP refuses this login", "Ask for roles/iap.tunnelResourceAccessor, and enable the IAP API."),
    "MVM-828": Entry("The IAP tunnel broke", "It is tried again; check the network if this stays."),
    "MVM-829": Entry("The instance does not take the new SSH key", "See in its serial port that the guest agent runs."),
    "MVM-830": Entry("OS Login refuses the key", "Ask for roles/compute.osAdminLogin, or name a key that it takes."),
    "MVM-831": Entry("The instance has no address of that kind", "Set ssh.via to iap or internal."),
    "MVM-832": Entry("The instance publishes no host keys", "Compare the fingerprint, then accept it."),
    "MVM-833": Entry("Another machine answers at the instance's address", "Nothing was sent; check its address."),
    "MVM-834": Entry("There is no such GKE cluster", "Pick one that exists; check project and location."),
    "MVM-835": Entry(
        "The cluster's control plane is not open to this computer", "Authorize its address, or use the DNS endpoint."
    ),
    "MVM-836": Entry("The GKE cluster does not run", "Wait until it is RUNNING, or pick another."),
    "MVM-837": Entry("Some locations did not answer", "Retry later if what you look for is missing."),
    "MVM-838": Entry("A policy of the organization forbids this", "Ask its administrator, or change the plan."),
    "MVM-839": Entry("This Google endpoint cannot be used", "Use https; http is for loopback only."),
    "MVM-840": Entry("The answer of Google cannot be read", "Check the endpoint and proxies in between."),
    "MVM-841": Entry("The instance's metadata has no room for a key", "Remove old keys from its ssh-keys."),
    "MVM-842": Entry("The GKE cluster is an Autopilot cluster", "Nothing to do: Google looks after its nodes."),
    "MVM-843": Entry("The GKE cluster's nodes are private", "Nothing to do: see that images can be pulled."),
    "MVM-844": Entry("The firewall rule is missing", "Let it be managed here, or have it made by its owner."),
    "MVM-845": Entry("The firewall cannot be judged", "Ask for compute.instances.getEffectiveFirewalls."),
    "MVM-846": Entry("gcloud's configuration cannot be read", "Mend the line that it names, or move the file away."),
}
