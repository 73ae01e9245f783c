import Della
import StreamIO

/// That a daemon wants a model: a small file in its runtime folder, `MODEL.request`, for as long as it does.
struct FetchRequest: Hashable, Sendable {
    let model: HubModel
    /// Tells this asking from an earlier one for the same model.
    let identifier: String

    var json: JSON {
        .object(
            JSONObject([
                ("schema", .int(1)), ("id", .string(identifier)), ("model", .string(model.name)),
                ("revision", model.revision.map { .string($0) } ?? .null),
            ]))
    }

    init(model: HubModel, identifier: String) {
        self.model = model
        self.identifier = identifier
    }

    init?(_ json: JSON) {
        guard let name = json["model"]?.stringValue, let identifier = json["id"]?.stringValue,
            let model = HubModel(name: name, revision: json["revision"]?.stringValue)
        else { return nil }
        self.init(model: model, identifier: identifier)
    }
}
