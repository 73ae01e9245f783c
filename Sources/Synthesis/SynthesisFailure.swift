import StreamIO

/// Why a synthetic checkpoint was not written.
package enum SynthesisFailure: Error, CustomStringConvertible {
    /// The folder is there already, or cannot be made.
    case outputExists(String)
    /// The base is not a bfloat16 checkpoint of the same shape.
    case unfitBase(String)
    /// The base is not there, or cannot be read.
    case missingBase(String)
    case interrupted
    case io(IOError)

    package var description: String {
        switch self {
        case .outputExists(let path): "\(path): exists already (name a new folder, or remove this one)"
        case .unfitBase(let text), .missingBase(let text): text
        case .interrupted: "interrupted; nothing is left behind"
        case .io(let error): "\(error)"
        }
    }
}
