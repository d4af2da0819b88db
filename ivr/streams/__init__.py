"""The live sound of a call and the utterances recognised in it."""
