graph [ node [ id one ] ]
